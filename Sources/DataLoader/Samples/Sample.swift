/// One sample: named columns of bytes, and where they came from. It knows no tensors and no tokenizer.
///
/// The values are views into the memory of the shard (or the line) that the sample was read from: copying a sample
/// copies no data, and holding one keeps that memory alive.
public struct Sample: Sendable {
    /// The columns that samples of one shard have in common.
    public let schema: Schema
    /// Where the sample is: with `index` it makes the printable ``id``.
    public let origin: String
    /// The sample's number in its source (MDS: in the data set; JSONL: its line in the file, from 1).
    public let index: Int
    let buffer: ByteBuffer
    let ranges: [Range<Int>]

    /// - Parameters:
    ///   - schema: names and encodings.
    ///   - buffer: the memory that holds the values.
    ///   - ranges: one range of `buffer` a column, in the schema's order.
    ///   - origin: a file or directory, for messages.
    ///   - index: the sample's number there.
    public init(schema: Schema, buffer: ByteBuffer, ranges: [Range<Int>], origin: String, index: Int) {
        precondition(ranges.count == schema.count, "a sample needs one value a column")
        self.schema = schema
        self.buffer = buffer
        self.ranges = ranges
        self.origin = origin
        self.index = index
    }

    /// A name for error messages and ledgers, the same in every run: `path:index`.
    public var id: String { "\(origin):\(index)" }

    /// All columns, in the order in which they are stored.
    public var columns: [Column] { schema.names.indices.map(column(number:)) }

    /// The names of the columns, in the order in which they are stored.
    public var columnNames: [String] { schema.names }

    /// Whether there is a column `name`.
    public func has(_ name: String) -> Bool { schema.number(of: name) != nil }

    /// The column `name`, or nil when the sample has none of this name.
    public subscript(name: String) -> Column? { schema.number(of: name).map(column(number:)) }

    /// The column `name`.
    ///
    /// - Throws: ``SampleError`` that names the columns there are.
    public func column(_ name: String) throws -> Column {
        guard let column = self[name] else {
            throw SampleError(
                sample: id, column: name,
                problem: "there is no such column; it has \(schema.names.joined(separator: ", "))")
        }
        return column
    }

    private func column(number: Int) -> Column {
        Column(
            name: schema.names[number], encoding: schema.encodings[number], bytes: ByteView(buffer, ranges[number]),
            sample: { [origin, index] in "\(origin):\(index)" })
    }
}
