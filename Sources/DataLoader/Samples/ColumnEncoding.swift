/// How a column's bytes are to be read; the names are those of MDS.
public enum ColumnEncoding: Sendable, Hashable {
    /// Bytes as they are (`bytes`).
    case bytes
    /// UTF-8 text (`str`).
    case string
    /// One 64-bit integer (`int`).
    case int
    /// One number of a fixed type (`uint8` ... `float64`).
    case scalar(ScalarType)
    /// A number as decimal text of any precision (`str_int`, `str_float`, `str_decimal`).
    case decimal(Decimal)
    /// An array (`ndarray`, `ndarray:int32`, `ndarray:int32:2,3`): what is not declared is stored with every value.
    case array(ScalarType?, shape: [Int]?)
    /// JSON text (`json`).
    case json
    /// An encoding that is handed over as bytes (`jpeg`, `pil`, `pkl`, ...).
    case opaque(String)

    /// The three decimal texts.
    public enum Decimal: String, Sendable, Hashable {
        case int = "str_int", float = "str_float", decimal = "str_decimal"
    }

    static let opaqueNames: Set<String> = [
        "pil", "jpeg", "jpegarray", "jpeg_array", "png", "pkl", "list[pil]", "list[jpeg]", "list[png]",
    ]

    /// The encoding that MDS calls `name`, or nil when there is none of this name.
    public init?(_ name: String) {
        switch name {
        case "bytes": self = .bytes
        case "str": self = .string
        case "int": self = .int
        case "json": self = .json
        case "ndarray": self = .array(nil, shape: nil)
        case let name where ColumnEncoding.opaqueNames.contains(name): self = .opaque(name)
        default:
            if let decimal = Decimal(rawValue: name) {
                self = .decimal(decimal)
            } else if let type = ScalarType(rawValue: name) {
                self = .scalar(type)
            } else if let array = ColumnEncoding.array(named: name) {
                self = array
            } else {
                return nil
            }
        }
    }

    private static func array(named name: String) -> ColumnEncoding? {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3, parts[0] == "ndarray",
            let type = ScalarType(rawValue: String(parts[1]))
        else { return nil }
        guard parts.count == 3 else { return .array(type, shape: nil) }
        let shape = parts[2].split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        return shape.allSatisfy { $0 > 0 } ? .array(type, shape: shape) : nil
    }

    /// The name that MDS gives the encoding.
    public var name: String {
        switch self {
        case .bytes: "bytes"
        case .string: "str"
        case .int: "int"
        case .scalar(let type): type.rawValue
        case .decimal(let kind): kind.rawValue
        case .array(nil, _): "ndarray"
        case .array(let type?, nil): "ndarray:\(type.rawValue)"
        case .array(let type?, let shape?): "ndarray:\(type.rawValue):\(shape.map(String.init).joined(separator: ","))"
        case .json: "json"
        case .opaque(let name): name
        }
    }

    /// The size in bytes of every value, or nil when it varies and is stored with each value.
    public var fixedByteCount: Int? {
        switch self {
        case .int: 8
        case .scalar(let type): type.byteCount
        case .array(let type?, let shape?): shape.reduce(type.byteCount, *)
        default: nil
        }
    }
}
