package import Core
package import DataLoader

/// Ranks that share the work on a sample must have read the same one: along the tensor, context and pipeline axes a rank
/// that reads others would add up numbers that do not belong together, and nothing else would show it.
///
/// Compared at the first step of a run, and every `interval` steps from there.
package struct SampleAgreement {
    /// Optimizer steps from one comparison to the next.
    package static let interval = 64

    private var nextStep = 0

    package init() {}

    /// All ranks must call it.
    /// - Parameters:
    ///   - samples: what this rank has read.
    ///   - step: the optimizer step that they are for, from 1.
    ///   - sharesData: whether data ranks read the same samples too.
    /// - Throws: `SamplesDiffer`, the same on all ranks, or what other ranks' failures throw.
    package mutating func check(_ samples: [Sample], step: Int, _ mesh: Mesh, sharesData: Bool = false) throws {
        guard step >= nextStep else { return }
        nextStep = step + SampleAgreement.interval
        let axes: Set<MeshAxis> = sharesData ? Set(MeshAxis.allCases) : [.tensor, .context, .pipeline]
        guard axes.contains(where: { mesh.shape[$0] > 1 }) else { return }
        let own = SampleAgreement.hash(of: samples)
        let hashes = try mesh.world.gather(Array(own.utf8))
        let others = hashes.indices.compactMap { rank -> (rank: Int, first: Int)? in
            guard let first = mesh.shape.members(along: axes, with: rank).first, hashes[rank] != hashes[first] else { return nil }
            return (rank, first)
        }
        if let first = others.first?.first {
            throw SamplesDiffer(step: step, ranks: others.filter { $0.first == first }.map(\.rank), first: first)
        }
    }

    /// Of what samples hold, wherever it was read from.
    private static func hash(of samples: [Sample]) -> String {
        var hash = FileHash()
        func add(_ number: Int) { withUnsafeBytes(of: UInt64(number).littleEndian) { hash.update($0) } }
        add(samples.count)
        for sample in samples {
            for column in sample.columns {
                Array(column.name.utf8).withUnsafeBytes { hash.update($0) }
                add(column.bytes.count)
                column.bytes.withUnsafeBytes { hash.update($0) }
            }
        }
        return hash.hex
    }
}

/// Ranks that share the work on samples have read different ones.
public struct SamplesDiffer: Error, Sendable, CustomStringConvertible {
    /// The optimizer step, from 1.
    public let step: Int
    /// Those that have read others than `first`.
    public let ranks: [Int]
    public let first: Int

    public var description: String {
        "samples of step \(step): \(ranks.rankNames) read others than rank \(first), with which "
            + "\(ranks.count == 1 ? "it shares" : "they share") the work on them\n"
            + "    fix: give all machines the same data files; a loader may depend on nothing but its settings, the seed and "
            + "the position"
    }
}
