import Core
import PluginAPI

/// Runs a command's body on its ranks.
enum Ranks {
    /// Threads of one of several ranks of this machine.
    static func threadCount(_ launched: RankEnvironment) -> Int {
        max(1, Machine.threadCount / (launched.localRankCount ?? 1))
    }

    /// Ranks in processes of their own when a launcher started this one, else threads of this process.
    /// - Parameters:
    ///   - shape: how the ranks lie; nil = as many as were launched, or one, along the data axis.
    ///   - runtime: makes a rank's runtime; receives its threads.
    /// - Returns: the result of rank 0, on rank 0.
    /// - Throws: `InputError` when other ranks were launched than `shape` has places for, or what `body` throws.
    static func run<Result: Sendable>(
        _ shape: MeshShape?, runtime: @escaping @Sendable (_ threads: Int) throws -> Runtime,
        _ body: @escaping @Sendable (Mesh) throws -> Result
    ) throws -> Result? {
        guard let launched = try RankEnvironment.discover(Machine.environment) else {
            let shape = shape ?? MeshShape([:])
            let threads = max(1, Machine.threadCount / shape.rankCount)
            return try Loopback.run(shape, runtime: { try runtime(threads) }, body).first
        }
        let shape = shape ?? MeshShape([.data: launched.rankCount])
        guard shape.rankCount == launched.rankCount else {
            throw InputError(
                "parallel", "\(launched.launcher) started \(launched.rankCount) ranks, expected \(shape.rankCount)",
                fix: "mpirun -n \(shape.rankCount) ...")
        }
        let threads = threadCount(launched)
        let transport = try MPITransport()
        let result = try body(Mesh(shape, RankLink(transport, try runtime(threads))))
        transport.finish()
        return launched.rank == 0 ? result : nil
    }
}
