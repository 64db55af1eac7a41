import Forks
import Testing

struct VerificationTests {
    /// A fork of which each change adds a file, and whose commands look for it.
    private func fork() async throws -> TestFork {
        let fork = try await TestFork(["A": "a\n"])
        try await fork.change("good", "a feature", ["Sources/Feature": "on\n", "Tests/FeatureTests": "test -f Sources/Feature\n"])
        try await fork.entry("good", verify: "sh Tests/FeatureTests")
        try await fork.change("idle", "nothing to see", ["Sources/Idle": "x\n"])
        try await fork.entry("idle", verify: "true")
        try await fork.change("broken", "never worked", ["Sources/Broken": "x\n"])
        try await fork.entry("broken", verify: "echo no such thing; exit 7")
        try await fork.change("silent", "without a command", ["Sources/Silent": "x\n"])
        try await fork.entry("silent", verify: nil)
        return fork
    }

    @Test func `each change's command runs in the work tree`() async throws {
        let fork = try await fork()
        let verification = Verification(try await fork.repository)
        let proofs = try await verification.run(nil)
        #expect(proofs.map(\.slug) == ["broken", "good", "idle", "silent"])
        #expect(proofs.map(\.status) == [7, 0, 0, nil])
        #expect(proofs[0].tail == "no such thing")
        #expect(try await verification.run("good").map(\.slug) == ["good"])
    }

    @Test func `a command is proven when it fails without the change, whose tests stay`() async throws {
        let fork = try await fork()
        let before = try await fork.snapshot()
        let trials = try await Verification(try await fork.repository).prove(nil)
        #expect(
            trials.map(\.verdict) == [.fails("no such thing"), .proven(""), .passesWithout, .noCommand])
        #expect(trials.map(\.isProven) == [false, true, false, false])
        #expect(try await fork.snapshot() == before)
    }

    @Test func `a change that others build on cannot be taken out alone`() async throws {
        let fork = try await TestFork(["A": "a\n"])
        try await fork.change("one", "a line", ["A": "a\nb\n"])
        try await fork.entry("one")
        try await fork.change("two", "on it", ["A": "a\nb!\n"])
        try await fork.entry("two")
        let trial = try #require(try await Verification(try await fork.repository).prove("one").first)
        guard case .entangled(let row) = trial.verdict else {
            Issue.record("found \(trial.verdict)")
            return
        }
        #expect(row.subject == "FORK: on it")
    }

    @Test func `an unknown change is refused with the nearest name`() async throws {
        let fork = try await fork()
        await #expect(
            throws: ForkError("", "the fork has no change 'brokn'; did you mean 'broken'?", fix: "forktail fork status, which lists them")
        ) { try await Verification(try await fork.repository).run("brokn") }
    }
}
