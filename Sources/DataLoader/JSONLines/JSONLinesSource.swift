internal import JSON

/// JSONL files (plain or gzip): one sample a line, its columns the fields of the line's object.
///
/// Raw text (`{"text": ...}`), conversations (`{"messages": [...]}`) and pre-tokenised lines (`{"input_ids": [...]}`)
/// are all the same here: values stay JSON text until a trainer asks for them. Opening a source reads its files once
/// to find the lines and to digest them; it keeps 2 bytes a line.
public final class JSONLinesSource: SampleSource {
    /// One shard a file.
    public let layout: ShardLayout
    /// The digest of the files' contents, whatever their names.
    public let fingerprint: String
    private let files: [LineFile]

    /// - Parameter files: paths, read in this order.
    /// - Throws: ``DataError`` that lists every file that cannot be read.
    public init(files paths: [String]) throws {
        var files: [LineFile] = []
        var problems: [DataError] = []
        for path in paths {
            do {
                files.append(try LineFile(path))
            } catch let error as DataError {
                problems.append(error)
            }
        }
        if let first = problems.first {
            throw DataError(problems.map(\.message).joined(separator: "; "), hint: first.hint)
        }
        self.files = files
        layout = ShardLayout(
            sizes: files.map(\.index.count), totalBytes: files.reduce(0) { $0 + $1.index.byteCount })
        let digests = files.map(\.digest).joined(separator: " ")
        fingerprint = "jsonl-" + Array(digests.utf8).withUnsafeBytes { HashAlgorithm.sha256.digest(of: $0) }.prefix(16)
    }

    /// The sample at `index`.
    ///
    /// - Throws: ``DataError`` that names `file:line` when the line is not a JSON object.
    public func sample(at index: Int) throws -> Sample {
        let number = layout.shard(of: index)
        let file = files[number]
        let (buffer, range, line) = try file.line(of: index - layout.starts[number])
        var names: [String] = []
        var ranges: [Range<Int>] = []
        do {
            try buffer.withUnsafeBytes { bytes in
                var parser = JSONParser(UnsafeRawBufferPointer(rebasing: bytes[range]))
                try parser.object { (parser, key) throws(JSONError) in
                    let value = try parser.range()
                    if let known = names.firstIndex(of: key) {
                        ranges[known] = value
                    } else {
                        names.append(key)
                        ranges.append(value)
                    }
                }
                parser.skipSpace()
                guard parser.isAtEnd else { throw JSONError(offset: parser.offset, expected: "the end of the line") }
            }
        } catch let error as JSONError {
            throw DataError(
                "cannot read \(file.path):\(line): it is not a JSON object: \(error) of the line",
                hint: "every line must be one object, e.g. {\"text\": \"...\"}")
        }
        let start = range.lowerBound
        return Sample(
            schema: Schema(names: names, encodings: [ColumnEncoding](repeating: .json, count: names.count)),
            buffer: buffer, ranges: ranges.map { start + $0.lowerBound..<start + $0.upperBound }, origin: file.path,
            index: line)
    }
}
