public import JSON

/// A product table that cannot be used: everything that is wrong with it.
public struct ProductTableError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Each with its place, e.g. "rows[2].class: found 'big', expected few-rows | long-sums | large".
    public let problems: [String]

    public var description: String { problems.joined(separator: "\n") }
}

/// The form of the file: {"format": 1, "rows": [{"processor", "type", "class", "library", "gflops"}]}.
extension ProductTable {
    /// Reads a table; `type` and `class` may be absent, for every one, and `gflops`, for a row that was not measured.
    /// - Throws: `ProductTableError` with all problems.
    public init(json: JSONValue, origin: String) throws(ProductTableError) {
        var reader = RowReader()
        reader.checkKeys(json, ["format", "rows"], at: "")
        if json["format"]?.integer != 1 {
            reader.problem("format", json["format"], "1")
        }
        if json["rows"]?.array == nil { reader.problem("rows", json["rows"], "a list") }
        let rows = (json["rows"]?.array ?? []).enumerated().map { reader.row($1, at: "rows[\($0)]") }
        if !reader.problems.isEmpty { throw ProductTableError(problems: reader.problems) }
        self.init(rows: rows.compactMap { $0 }, origin: origin)
    }

    /// The table as a file holds it, a row a line.
    public var text: String {
        let lines = rows.map { "    " + ProductTable.json($0).text }
        return "{\n  \"format\": 1,\n  \"rows\": [\n" + lines.joined(separator: ",\n") + "\n  ]\n}\n"
    }

    /// The table as JSON, in the form of the file.
    public var json: JSONValue {
        .object([.init("format", .integer(1)), .init("rows", .array(rows.map(ProductTable.json)))])
    }

    private static func json(_ row: Row) -> JSONValue {
        var members: [JSONValue.Member] = [.init("processor", .string(row.processor))]
        if let dtype = row.dtype { members.append(.init("type", .string(dtype.rawValue))) }
        if let shape = row.shape { members.append(.init("class", .string(shape.rawValue))) }
        members.append(.init("library", .string(row.library.rawValue)))
        if !row.speeds.isEmpty {
            let speeds = row.speeds.sorted { $0.key.rawValue < $1.key.rawValue }
            members.append(.init("gflops", .object(speeds.map { .init($0.key.rawValue, .double($0.value)) })))
        }
        return .object(members)
    }
}

/// Reads rows and gathers what is wrong with them.
private struct RowReader {
    private(set) var problems: [String] = []

    mutating func problem(_ place: String, _ found: JSONValue?, _ expected: String) {
        let text = found.map { $0.string.map { "'\($0)'" } ?? $0.text } ?? "nothing"
        problems.append("\(place): found \(text), expected \(expected)")
    }

    mutating func checkKeys(_ value: JSONValue, _ known: [String], at place: String) {
        guard case .object(let members) = value else {
            return problem(place.isEmpty ? "table" : place, value, "an object")
        }
        for member in members where !known.contains(member.key) {
            let name = place.isEmpty ? member.key : "\(place).\(member.key)"
            problems.append("\(name): unknown key; known are \(known.joined(separator: ", "))")
        }
    }

    mutating func row(_ value: JSONValue, at place: String) -> ProductTable.Row? {
        checkKeys(value, ["processor", "type", "class", "library", "gflops"], at: place)
        guard case .object = value else { return nil }
        if value["processor"]?.string == nil {
            problem("\(place).processor", value["processor"], "a processor's name, or a pattern such as '*'")
        }
        let dtype = choice(ProductKind.dtypes, value["type"], at: "\(place).type")
        let shape = choice(ProductClass.allCases, value["class"], at: "\(place).class")
        let library = choice(ProductLibrary.allCases, value["library"] ?? .null, at: "\(place).library")
        let speeds = speeds(value["gflops"], at: "\(place).gflops")
        guard let processor = value["processor"]?.string, let library else { return nil }
        return ProductTable.Row(processor: processor, dtype: dtype, shape: shape, library: library, speeds: speeds)
    }

    /// The case of that name; nil when there is no value.
    private mutating func choice<Choice: RawRepresentable<String>>(
        _ choices: [Choice], _ value: JSONValue?, at place: String
    ) -> Choice? {
        guard let value else { return nil }
        let found = choices.first { $0.rawValue == value.string }
        if found == nil {
            problem(place, value == .null ? nil : value, choices.map(\.rawValue).joined(separator: " | "))
        }
        return found
    }

    private mutating func speeds(_ value: JSONValue?, at place: String) -> [ProductLibrary: Double] {
        guard let value else { return [:] }
        checkKeys(value, ProductLibrary.allCases.map(\.rawValue), at: place)
        var speeds: [ProductLibrary: Double] = [:]
        for member in value.members {
            guard let library = ProductLibrary(rawValue: member.key) else { continue }
            speeds[library] = member.value.double
            if member.value.double == nil { problem("\(place).\(member.key)", member.value, "a number") }
        }
        return speeds
    }
}
