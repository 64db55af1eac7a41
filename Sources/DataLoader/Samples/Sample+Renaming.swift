extension Sample {
    /// The sample with columns under other names, for a reader that expects them.
    ///
    /// - Parameter names: new name to stored name; a column that is not named keeps its name, unless a renamed one
    ///   takes it, which replaces it.
    /// - Throws: ``SampleError`` when a stored name does not exist.
    public func renamingColumns(_ names: [String: String]) throws -> Sample {
        if names.isEmpty { return self }
        var newNames: [String] = []
        var encodings: [ColumnEncoding] = []
        var kept: [Range<Int>] = []
        for (number, stored) in schema.names.enumerated() {
            let renamed = names.filter { $0.value == stored }.map(\.key).sorted()
            for name in renamed.isEmpty && names[stored] == nil ? [stored] : renamed {
                newNames.append(name)
                encodings.append(schema.encodings[number])
                kept.append(ranges[number])
            }
        }
        for stored in names.values.sorted() { _ = try column(stored) }
        return Sample(
            schema: Schema(names: newNames, encodings: encodings), buffer: buffer, ranges: kept, origin: origin,
            index: index)
    }
}
