import DataLoader
import JSON
import PluginAPI

/// Writes the fields of lines as columns, their encodings as given or as the values of all lines allow.
///
/// A text file is one sample with the column `text`.
struct ColumnSharder {
    let target: ShardTarget

    func write(_ files: [InputFiles.File]) throws -> ShardResult {
        let sources = try files.map { file in
            (file, file.isJSONLines ? try JSONLinesSource(files: [file.path]) : nil)
        }
        var encodings = ColumnInference(given: target.encodings)
        var problems = LineProblems()
        try forEachRow(of: sources, &problems) { try encodings.add($0) }
        try problems.check()
        let writer = try target.writer(columns: try encodings.finish())
        var count = 0
        let columns = encodings.columns.merging(target.encodings) { $1 }
        try forEachRow(of: sources, &problems) { row in
            try writer.write(row.values(in: columns))
            count += 1
        }
        try problems.check()
        return ShardResult(samples: count, tokens: nil, shards: try writer.finish().shards.count)
    }

    private func forEachRow(
        of sources: [(InputFiles.File, JSONLinesSource?)], _ problems: inout LineProblems, _ body: (Row) throws -> Void
    ) throws {
        for (file, lines) in sources {
            guard let lines else {
                var text = ""
                try TextFile(path: file.path).forEachPiece { piece, _ in text += piece }
                _ = try problems.collect(at: file.path) { try body(.text(text, path: file.path)) }
                continue
            }
            for number in 0..<lines.count {
                guard let sample = try problems.collect(at: "--input", { try lines.sample(at: number) }) else { continue }
                _ = try problems.collect(at: sample.id) { try body(.line(sample)) }
            }
        }
    }
}

/// One sample to be written.
enum Row {
    case line(Sample)
    case text(String, path: String)

    var place: String {
        switch self {
        case .line(let sample): sample.id
        case .text(_, let path): path
        }
    }

    /// The columns' names.
    var names: [String] {
        switch self {
        case .line(let sample): sample.columnNames
        case .text: ["text"]
        }
    }

    /// The values as the encodings need them.
    func values(in encodings: [String: ColumnEncoding]) throws -> [String: ColumnValue] {
        switch self {
        case .text(let text, _):
            return ["text": try FieldValue(.string(text)).stored(as: encodings["text"] ?? .string)]
        case .line(let sample):
            var values: [String: ColumnValue] = [:]
            for column in sample.columns {
                guard let encoding = encodings[column.name] else { continue }
                do {
                    values[column.name] = try FieldValue(try column.json()).stored(as: encoding)
                } catch let error as DataError {
                    throw SampleError(sample: sample.id, column: column.name, problem: error.message)
                }
            }
            return values
        }
    }
}

/// The encodings that hold every value of a column.
struct ColumnInference {
    private let given: [String: ColumnEncoding]
    /// What has been found so far.
    private(set) var columns: [String: ColumnEncoding] = [:]
    private var counts: [String: Int] = [:]
    private var firstWithout: [String: String] = [:]
    private var rowCount = 0

    /// - Parameter given: columns that are not looked at.
    init(given: [String: ColumnEncoding]) { self.given = given }

    mutating func add(_ row: Row) throws {
        let names = row.names
        for name in columns.keys where !names.contains(name) && firstWithout[name] == nil {
            firstWithout[name] = row.place
        }
        for name in names {
            counts[name, default: 0] += 1
            if counts[name] == 1, rowCount > 0 { firstWithout[name] = "a line before \(row.place)" }
            if let encoding = given[name] {
                columns[name] = encoding
                continue
            }
            let found: ColumnEncoding
            switch row {
            case .text: found = .string
            case .line(let sample): found = FieldValue(try sample.column(name).json()).encoding
            }
            columns[name] = columns[name].map { ColumnInference.common($0, found) } ?? found
        }
        rowCount += 1
    }

    /// The columns of all lines.
    /// - Throws: `InputError` when there are no lines, or columns that some lines lack.
    func finish() throws -> [String: ColumnEncoding] {
        guard rowCount > 0 else { throw InputError("--input", "holds no lines", fix: "name files that hold data") }
        let problems = counts.keys.sorted().filter { counts[$0] != rowCount }.map { name in
            InputProblem(
                "column '\(name)'",
                "\(rowCount - (counts[name] ?? 0)) of \(rowCount) lines have no such field, the first is "
                    + (firstWithout[name] ?? "unknown"),
                fix: "give every line the same fields (null where there is no value)")
        }
        guard problems.isEmpty else { throw InputError(problems) }
        return columns
    }

    private static func common(_ a: ColumnEncoding, _ b: ColumnEncoding) -> ColumnEncoding {
        if a == b { return a }
        let numbers: Set<ColumnEncoding> = [.int, .scalar(.float64)]
        if numbers.isSuperset(of: [a, b]) { return .scalar(.float64) }
        let arrays: Set<ColumnEncoding> = [.array(.int32, shape: nil), .array(.float64, shape: nil)]
        if arrays.isSuperset(of: [a, b]) { return .array(.float64, shape: nil) }
        return .json
    }
}
