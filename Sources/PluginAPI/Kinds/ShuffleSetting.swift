/// A loader's `shuffle:` setting: false, true, or the name of an order.
public enum ShuffleSetting: Codable, Sendable, Hashable {
    /// The samples as they are stored.
    case none
    /// The loader's own default order.
    case standard
    /// An order by name, e.g. `py1e`.
    case named(String)

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let isOn = try? container.decode(Bool.self) {
            self = isOn ? .standard : .none
        } else {
            self = .named(try container.decode(String.self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .none: try container.encode(false)
        case .standard: try container.encode(true)
        case .named(let name): try container.encode(name)
        }
    }
}
