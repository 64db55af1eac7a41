import Core
import JSON

/// What a layout takes and costs.
struct LayoutFigures {
    let layout: RunLayout
    /// Of an optimizer step on each rank.
    let microBatchCount: Int
    /// Of the fullest rank.
    let memory: MemoryEstimate
    /// Bytes that the busiest rank sends in an optimizer step, by axis.
    let sent: [MeshAxis: Int]
    /// Bytes whose sending keeps that rank from computing.
    let exposedBytes: Int
    /// The time that a rank waits for others, of its pipeline or with more samples, over the time that it works.
    let waiting: Double
    /// The bytes that a rank could send while it waits, and while it computes.
    let waitingBytes: Int
    let computingBytes: Int

    var sentBytes: Int { sent.values.reduce(0, +) }

    /// What a step takes beside computing, in bytes.
    var criticalBytes: Int { exposedBytes + waitingBytes }

    /// Layouts from the best to the worst.
    ///
    /// Fewest bytes on the critical path are best. What is within a hundredth of a step of the fewest is as good: of those,
    /// fewest bytes first, then least memory.
    static func ranked(_ layouts: [LayoutFigures]) -> [LayoutFigures] {
        func sorted(_ layouts: [LayoutFigures], by key: (LayoutFigures) -> [Int]) -> [LayoutFigures] {
            layouts.map { (layout: $0, key: key($0), mesh: $0.layout.mesh) }.sorted { a, b in
                a.key == b.key ? a.mesh < b.mesh : a.key.lexicographicallyPrecedes(b.key)
            }.map(\.layout)
        }
        guard let fewest = layouts.map(\.criticalBytes).min(), let step = layouts.first?.computingBytes else { return [] }
        let isGood = { (layout: LayoutFigures) in layout.criticalBytes <= fewest + step / 100 }
        return sorted(layouts.filter(isGood)) { [$0.sentBytes, $0.memory.total] }
            + sorted(layouts.filter { !isGood($0) }) { [$0.criticalBytes, $0.sentBytes, $0.memory.total] }
    }

    func json(fits: Bool) -> JSONValue {
        let axes = sent.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key.rawValue, .integer($0.value)) }
        return .object([
            .init("mesh", .string(layout.mesh)), .init("parallel", layout.resolved), .init("fits", .bool(fits)),
            .init("micro_batches", .integer(microBatchCount)), .init("estimated_bytes", memory.json),
            .init("sent_bytes", .object(axes + [.init("total", .integer(sentBytes))])), .init("bubble", .double(waiting)),
            .init("exposed_bytes", .integer(exposedBytes)), .init("critical_bytes", .integer(criticalBytes)),
        ])
    }
}
