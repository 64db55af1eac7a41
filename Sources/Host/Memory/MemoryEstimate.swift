import JSON

/// Where the bytes of a run go on each rank, at the moment when most are in use.
struct MemoryEstimate: Sendable, Equatable {
    struct Part: Sendable, Equatable {
        let name: String
        let byteCount: Int
    }

    /// In the order in which they are told; their sum is the estimate.
    let parts: [Part]

    var total: Int { parts.reduce(0) { $0 + $1.byteCount } }

    /// Parts by size, largest first, without those that are next to nothing.
    var largest: [Part] { parts.filter { $0.byteCount * 50 > total }.sorted { $0.byteCount > $1.byteCount } }

    /// `{"weights": ..., ..., "total": ...}`, bytes.
    var json: JSONValue {
        let members = parts.map { part in
            JSONValue.Member(part.name.replacing(" ", with: "_"), .integer(part.byteCount))
        }
        return .object(members + [.init("total", .integer(total))])
    }
}

/// Sizes as people read and write them.
enum ByteText {
    private static let units = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]

    /// E.g. "1.5 GiB".
    static func text(_ byteCount: Int) -> String {
        guard let (unit, size) = units.first(where: { byteCount >= $0.1 }) else { return "\(byteCount) B" }
        let tenths = Int((Double(byteCount) / Double(size) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(unit)"
    }

    /// Reads e.g. "6GiB", "512 MiB" or a number of bytes; nil for anything else.
    static func parse(_ text: String) -> Int? {
        let (suffix, size) = units.first { text.hasSuffix($0.0) } ?? ("", 1)
        let number = text.dropLast(suffix.count).drop { $0 == " " }
        guard let value = Double(number.last == " " ? number.dropLast() : number), value > 0, value < 1e18 else {
            return nil
        }
        return Int(value * Double(size))
    }
}
