import Core
import PluginAPI

/// What `launch` planned, which ranks check before they do anything: a launcher that does not read the host file starts
/// all ranks on one machine, or each alone, and reports success.
enum RankExpectation {
    static let ranks = "FORKTAIL_EXPECT_RANKS"
    static let nodes = "FORKTAIL_EXPECT_NODES"

    /// - Parameters:
    ///   - launched: what the launcher says.
    ///   - transport: what the library that ranks meet by says.
    /// - Throws: `InputError` when they contradict each other, or the plan.
    static func check(_ launched: RankEnvironment, _ transport: any Transport, _ environment: [String: String]) throws {
        guard transport.rankCount == launched.rankCount, transport.rank == launched.rank else {
            throw InputError(
                "launch",
                "\(launched.launcher) started rank \(launched.rank) of \(launched.rankCount), and Open MPI found "
                    + "rank \(transport.rank) of \(transport.rankCount): the launcher belongs to another library",
                fix: "forktail launch -n \(launched.rankCount) -- ...")
        }
        guard let expected = environment[ranks].flatMap({ Int($0) }), expected != launched.rankCount else { return }
        throw InputError(
            "launch", "\(launched.launcher) started \(launched.rankCount) ranks, expected \(expected)",
            fix: "check the slots of the machines, and the host file")
    }

    /// All ranks must call it.
    /// - Throws: `InputError` when they run on another number of machines than planned; the same on each.
    static func checkNodes(_ world: Communicator, _ environment: [String: String]) throws {
        guard let expected = environment[nodes].flatMap({ Int($0) }) else { return }
        let names = Set(try world.gather(Array(Machine.hostName.utf8)))
        guard names.count != expected else { return }
        let found = names.map { String(decoding: $0, as: UTF8.self) }.sorted().joined(separator: ", ")
        throw InputError(
            "launch",
            "\(world.rankCount) ranks run on \(names.count) machine\(names.count == 1 ? "" : "s") (\(found)), expected \(expected)",
            fix: "check that mpirun reads the host file; every name in it must be another machine")
    }
}
