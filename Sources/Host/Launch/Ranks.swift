import Core
import Foundation
import PluginAPI

/// Runs a command's body on its ranks.
enum Ranks {
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
        let environment = Machine.environment
        guard let launched = try RankEnvironment.discover(environment) else {
            let shape = shape ?? MeshShape([:])
            let threads = max(1, Machine.threadCount / shape.rankCount)
            return try Loopback.run(shape, timeout: Machine.rankTimeout, runtime: { try runtime(threads) }) { mesh in
                sayStalls(of: mesh.link)
                return try body(mesh)
            }.first
        }
        let shape = shape ?? MeshShape([.data: launched.rankCount])
        guard shape.rankCount == launched.rankCount else {
            throw InputError(
                "parallel", "\(launched.launcher) started \(launched.rankCount) ranks, expected \(shape.rankCount)",
                fix: "forktail launch -n \(shape.rankCount) -- ...")
        }
        let (transport, threads) = try meet(launched)
        let mesh = Mesh(shape, link(transport, try runtime(threads)))
        try RankExpectation.checkNodes(mesh.world, environment)
        let result = try body(mesh)
        transport.finish()
        return launched.rank == 0 ? result : nil
    }

    /// Meets the other processes that a launcher has started.
    /// - Returns: what carries messages between them, and this rank's threads.
    /// - Throws: `InputError` when they are not what was planned.
    static func meet(_ launched: RankEnvironment) throws -> (MPITransport, threads: Int) {
        let environment = Machine.environment
        // Ranks that share a core must not keep it while they wait.
        if launched.localRankCount ?? 1 > Machine.coreCount { setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0) }
        let isBound = try RankCores.bind(launched, environment)
        let transport = try MPITransport()
        try RankExpectation.check(launched, transport, environment)
        return (transport, threadCount(launched, isBound: isBound))
    }

    /// This rank's end of what `meet` has opened.
    static func link(_ transport: MPITransport, _ runtime: Runtime) -> RankLink {
        let link = RankLink(transport, runtime, timeout: Machine.rankTimeout)
        sayStalls(of: link)
        return link
    }

    /// A rank that waits for long says for whom, and what it did last.
    private static func sayStalls(of link: RankLink) {
        let recorder = link.recorder
        link.onStall = { StandardError.write("warning: \($0); last of all:\n\(recorder.text(last: 4))") }
    }

    /// `FORKTAIL_THREADS`, which speaks of one process; else the cores that are the rank's own.
    private static func threadCount(_ launched: RankEnvironment, isBound: Bool) -> Int {
        if let asked = Machine.askedThreadCount { return asked }
        return launched.coreCount ?? max(1, Machine.coreCount / (isBound ? 1 : launched.localRankCount ?? 1))
    }
}
