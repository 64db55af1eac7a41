/// A dimension along which ranks share the work.
public enum MeshAxis: String, Sendable, Hashable, CaseIterable, Comparable {
    // From the outermost to the innermost: ranks that differ in the last one are neighbours and talk the most.
    case pipeline, data, expert, context, tensor

    public static func < (a: MeshAxis, b: MeshAxis) -> Bool { a.order < b.order }

    private var order: Int { MeshAxis.allCases.firstIndex(of: self) ?? 0 }
}

/// How many ranks lie along each axis, and which rank is where.
public struct MeshShape: Sendable, Hashable {
    private let sizes: [MeshAxis: Int]

    /// - Parameter sizes: ranks along each axis; 1 where it says nothing.
    public init(_ sizes: [MeshAxis: Int]) {
        precondition(sizes.values.allSatisfy { $0 > 0 }, "mesh: sizes \(sizes), expected at least 1 along each axis")
        self.sizes = sizes.filter { $0.value > 1 }
    }

    /// Ranks along an axis.
    public subscript(axis: MeshAxis) -> Int { sizes[axis] ?? 1 }

    public var rankCount: Int { sizes.values.reduce(1, *) }

    /// Axes with more than one rank, outermost first.
    public var axes: [MeshAxis] { sizes.keys.sorted() }

    /// Where a rank lies along each axis.
    public func place(of rank: Int) -> [MeshAxis: Int] {
        precondition((0..<rankCount).contains(rank), "mesh: rank \(rank) of \(rankCount)")
        var (rest, place) = (rank, [MeshAxis: Int]())
        for axis in MeshAxis.allCases.reversed() {
            place[axis] = rest % self[axis]
            rest /= self[axis]
        }
        return place
    }

    /// The ranks that differ from `rank` along `axes` only, it among them, in order.
    public func members(along axes: Set<MeshAxis>, with rank: Int) -> [Int] {
        let own = place(of: rank)
        return MeshAxis.allCases.reduce([0]) { members, axis in
            let positions = axes.contains(axis) ? 0..<self[axis] : (own[axis] ?? 0)..<(own[axis] ?? 0) + 1
            return members.flatMap { member in positions.map { member * self[axis] + $0 } }
        }
    }

    /// A line for each rank: its number and where it lies.
    public var table: String {
        let header = (["rank"] + axes.map(\.rawValue)).joined(separator: "  ")
        let lines = (0..<rankCount).map { rank -> String in
            let place = place(of: rank)
            return (["\(rank)"] + axes.map { "\(place[$0] ?? 0)" })
                .enumerated().map { column, text in
                    let width = column == 0 ? 4 : axes[column - 1].rawValue.count
                    return String(repeating: " ", count: max(0, width - text.count)) + text
                }.joined(separator: "  ")
        }
        return ([header] + lines).joined(separator: "\n")
    }
}
