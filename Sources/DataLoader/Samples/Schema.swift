/// The names and encodings of the columns that samples have in common.
public struct Schema: Sendable, Hashable {
    /// The column names, in the order in which values are stored.
    public let names: [String]
    /// One encoding a column.
    public let encodings: [ColumnEncoding]

    /// - Precondition: as many encodings as names.
    public init(names: [String], encodings: [ColumnEncoding]) {
        precondition(names.count == encodings.count, "a schema needs one encoding a column")
        self.names = names
        self.encodings = encodings
    }

    /// The number of columns.
    public var count: Int { names.count }

    /// The place of column `name`, if there is one. Schemas are short, so this looks at every name.
    public func number(of name: String) -> Int? { names.firstIndex(of: name) }
}
