/// A JSON value that keeps members in file order and strings as their exact scalars.
///
/// Vocabularies hold strings that differ only by canonical equivalence; Swift's dictionaries (and so Foundation's
/// JSON types) fold those into one key, which loses tokens. Members are therefore a list here.
enum JSON: Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    /// One key and its value.
    struct Member: Sendable {
        let key: String
        let value: JSON
    }

    /// The value of the first member called `key`; nil for a missing key, for null, and for a value that is no object.
    subscript(key: String) -> JSON? {
        guard case .object(let members) = self, let member = members.first(where: { $0.key == key }) else { return nil }
        if case .null = member.value { return nil }
        return member.value
    }

    var string: String? { if case .string(let value) = self { value } else { nil } }
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    var members: [Member]? { if case .object(let value) = self { value } else { nil } }

    /// The value as a token id: a whole number from 0 to Int32.max.
    var id: Int32? {
        guard case .number(let value) = self, let id = Int32(exactly: value), id >= 0 else { return nil }
        return id
    }
}
