/// How tensor parallelism divides a parameter over R ranks; read only by a strategy that is bound to that axis.
public struct Placement: Sendable, Hashable {
    public enum Role: String, Sendable, Hashable, CaseIterable {
        /// By output features: each rank computes some of them from the whole input.
        case columns
        /// By input features: each rank computes a part of the sum.
        case rows
        /// By rows of an embedding or head.
        case vocabulary
        /// Whole on each rank, where it does the same work.
        case replicated
        /// Whole on each rank, which uses it for work of its own, such as heads: its gradients are parts of a sum.
        case partial
    }

    public let role: Role
    /// The dim along which it is cut.
    public let dim: Int
    /// Elements along `dim` that stay together, e.g. those of a head.
    public let unit: Int
    /// Lengths along `dim` that are cut each for itself, as in a fused projection to queries, keys and values; empty = one.
    public let sections: [Int]
    /// Whether ranks may hold the same units where these are fewer: keys and values, which several heads of queries read.
    public let sharesUnits: Bool
    /// The number of the expert that it belongs to; nil = all tokens meet it.
    public let expert: Int?

    public static let replicated = Placement(.replicated)
    public static let vocabulary = Placement(.vocabulary)

    public init(
        _ role: Role, dim: Int = 0, unit: Int = 1, sections: [Int] = [], sharesUnits: Bool = false, expert: Int? = nil
    ) {
        (self.role, self.dim, self.unit, self.sections) = (role, dim, unit, sections)
        (self.sharesUnits, self.expert) = (sharesUnits, expert)
    }

    /// The ranges along `dim` that one of R ranks holds, one of each section.
    ///
    /// A vocabulary is cut wherever 16 rows end, so that no odd number of words is refused.
    /// - Parameter length: of the whole along `dim`.
    /// - Returns: nil when the units cannot be dealt out evenly.
    public func ranges(of length: Int, rank: Int, of ranks: Int) -> [Range<Int>]? {
        switch role {
        case .replicated, .partial: return [0..<length]
        case .vocabulary:
            let size = (length + ranks * 16 - 1) / (ranks * 16) * 16
            return [min(rank * size, length)..<min((rank + 1) * size, length)]
        case .columns, .rows: break
        }
        var (start, result) = (0, [Range<Int>]())
        for section in sections.isEmpty ? [length] : sections {
            let units = section / unit
            guard section % unit == 0, units % ranks == 0 || (sharesUnits && ranks % units == 0) else { return nil }
            let first = units % ranks == 0 ? rank * (units / ranks) : rank / (ranks / units)
            let count = max(units / ranks, 1)
            result.append(start + first * unit..<start + (first + count) * unit)
            start += section
        }
        return result
    }

    /// How many of R neighbouring ranks hold the same part and use it for different work, so that the whole's gradient is
    /// the sum of theirs.
    public func sharerCount(of length: Int, over ranks: Int) -> Int {
        switch role {
        case .replicated, .vocabulary: return 1
        case .partial: return ranks
        case .columns, .rows:
            let units = (sections.min() ?? length) / unit
            return units % ranks == 0 ? 1 : ranks / units
        }
    }
}
