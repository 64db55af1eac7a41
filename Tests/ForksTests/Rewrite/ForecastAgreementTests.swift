import Forks
import Foundation
import Testing

/// The forecast against what a sync does, over generated histories.
struct ForecastAgreementTests {
    private static let historyCount = 200
    private static let workers = 4

    @Test func `plan says of every commit what sync does, and nothing is lost`() async throws {
        var rows: [ReplayedCommit] = []
        var agreeing = 0
        try await withThrowingTaskGroup(of: [(rows: [ReplayedCommit], agrees: Bool)].self) { group in
            for worker in 0..<ForecastAgreementTests.workers {
                group.addTask {
                    var results: [(rows: [ReplayedCommit], agrees: Bool)] = []
                    let seeds = stride(
                        from: worker, to: ForecastAgreementTests.historyCount, by: ForecastAgreementTests.workers)
                    for seed in seeds { results.append(try await check(try await RandomHistory(seed).fork, seed)) }
                    return results
                }
            }
            for try await results in group {
                rows += results.flatMap(\.rows)
                agreeing += results.filter(\.agrees).count
            }
        }
        #expect(agreeing == ForecastAgreementTests.historyCount)
        let changes = rows.filter(\.isChange)
        let tally = ReplayedCommit.Fate.allCases.map { fate in (fate, changes.filter { $0.fate == fate }.count) }
        let fates = tally.filter { $0.1 > 0 }.map { "\($0.1) \($0.0.rawValue)" }.joined(separator: ", ")
        print("forecast against sync: \(agreeing) of \(ForecastAgreementTests.historyCount) histories agree,",
            "\(changes.count) commits: \(fates)")
    }

    /// Everything about one history.
    private func check(_ fork: TestFork, _ seed: Int) async throws -> (rows: [ReplayedCommit], agrees: Bool) {
        let before = try await fork.snapshot()
        let gitFiles = try fork.gitFiles()
        let forecast = try await Forecast.make(try await fork.repository, to: "v1.1.0")
        #expect(Set(try fork.gitFiles()).symmetricDifference(gitFiles) == [], "plan touches nothing, seed \(seed)")
        #expect(try await fork.snapshot() == before, "plan touches nothing, seed \(seed)")

        let byHand = try TestFork(copying: fork)
        let byGit = try TestFork(copying: fork)
        let (agrees, result) = try await skipping(fork, forecast, before, seed)
        try await rebase(byGit, result, seed)
        let agreesByHand = try await resolving(byHand, forecast, seed)
        return (forecast.rows, agrees && agreesByHand)
    }

    /// Leaves every conflict out: row by row what the forecast said, and its tree.
    private func skipping(_ fork: TestFork, _ forecast: Forecast, _ before: [String], _ seed: Int) async throws -> (Bool, [String]) {
        let oldTip = try await fork.head()
        let day = try #require(Day(TestFork.day))
        let rewrite = try await fork.rewrite
        var stop = try await rewrite.sync(to: "v1.1.0", day: day)
        if case .conflict = stop {
            _ = try await rewrite.abort()
            #expect(try await fork.snapshot() == before, "abort brings everything back, seed \(seed)")
            stop = try await rewrite.sync(to: "v1.1.0", day: day)
        }
        while case .conflict = stop { stop = try await rewrite.skip() }
        guard case .done(let report) = stop else {
            Issue.record("no end: \(stop), seed \(seed)")
            return (false, [])
        }
        let forecastRows = forecast.rows.map { row in
            var row = row
            if row.fate == .conflict { row.fate = .skipped }
            return row
        }
        #expect(report.rows == forecastRows, "seed \(seed)")
        try await intact(fork, report, oldTip, seed)
        let files = try await listing(fork, "HEAD")
        let forecastFiles = forecast.files.filter { !$0.hasSuffix("\tUPSTREAM.md") }
        #expect(files == forecastFiles, "seed \(seed)")
        return (report.rows == forecastRows && files == forecastFiles, files)
    }

    /// What holds after every sync.
    private func intact(_ fork: TestFork, _ report: RewriteReport, _ oldTip: String, _ seed: Int) async throws {
        let repository = try await fork.repository
        #expect(try await repository.branch() == "fork/main", "seed \(seed)")
        #expect(try await repository.changedPaths(untracked: true) == [], "seed \(seed)")
        #expect(try await fork.head("refs/tags/\(report.backup)") == oldTip, "seed \(seed)")
        #expect(try await repository.commit("refs/heads/fork/sync/v1.1.0") == nil, "seed \(seed)")
        let (notes, header) = try repository.fork()
        let target = try await fork.head("v1.1.0")
        #expect(header.base == target && header.baseTag == "v1.1.0", "seed \(seed)")
        #expect(try await repository.isAncestor(target, of: "HEAD"), "seed \(seed)")
        // Every commit that is kept is there, in its order; every change with a commit has an entry, and no other.
        let series = try await repository.series(header)
        let kept = report.rows.filter { $0.isChange && $0.fate.isKept }
        #expect(series.commits.filter { !$0.isNotesOnly }.map(\.subject) == kept.map(\.subject), "seed \(seed)")
        #expect(Set(notes.entries.map(\.slug)) == Set(kept.compactMap(\.slug)), "seed \(seed)")
    }

    /// An implementation that we did not write: git's own rebase, every conflict left out.
    private func rebase(_ fork: TestFork, _ expected: [String], _ seed: Int) async throws {
        let git = fork.git
        var output = try await git.run(
            ["rebase", "--empty=drop", "--onto", "v1.1.0", "v1.0.0"], changes: true)
        var rounds = 0
        while output.status != 0, rounds < 100 {
            output = try await git.run(["rebase", "--skip"], changes: true)
            rounds += 1
        }
        #expect(output.status == 0, "\(output.errors), seed \(seed)")
        #expect(try await listing(fork, "HEAD") == expected, "git rebase comes to the same files, seed \(seed)")
    }

    /// Resolves conflicts: the same as forecast up to the first one.
    private func resolving(_ fork: TestFork, _ forecast: Forecast, _ seed: Int) async throws -> Bool {
        var random = SeededGenerator(seed &+ 1_000_000)
        let oldTip = try await fork.head()
        let rewrite = try await fork.rewrite
        var stop = try await rewrite.sync(to: "v1.1.0", day: try #require(Day(TestFork.day)))
        var isFirst = true
        while case .conflict(let card) = stop {
            if isFirst {
                let place = forecast.rows.firstIndex { $0.fate == .conflict }
                #expect(place == card.place - 1, "seed \(seed)")
                #expect(forecast.rows[card.place - 1] == card.row, "seed \(seed)")
                isFirst = false
            }
            for file in card.row.files { try await resolve(fork, file.path, &random) }
            stop = try await rewrite.proceed()
        }
        guard case .done(let report) = stop else {
            Issue.record("no end: \(stop), seed \(seed)")
            return false
        }
        #expect(isFirst == !forecast.hasConflicts, "seed \(seed)")
        let sure = forecast.rows.prefix { $0.fate != .conflict }
        let agrees = Array(report.rows.prefix(sure.count)) == Array(sure) && isFirst == !forecast.hasConflicts
        #expect(agrees, "seed \(seed)")
        #expect(report.rows.count == forecast.rows.count)
        try await intact(fork, report, oldTip, seed)
        return agrees
    }

    /// Keeps one side, both, or neither.
    private func resolve(_ fork: TestFork, _ path: String, _ random: inout SeededGenerator) async throws {
        let file = "\(fork.root)/\(path)"
        if random.chance(20) || !FileManager.default.fileExists(atPath: file) {
            try await fork.git.change(["--literal-pathspecs", "rm", "-q", "--cached", "--", path])
            if FileManager.default.fileExists(atPath: file) { try FileManager.default.removeItem(atPath: file) }
            return
        }
        let keepsOurs = random.chance(50)
        let keepsTheirs = random.chance(50)
        var side = 0
        let lines = try fork.text(path).split(separator: "\n", omittingEmptySubsequences: false).filter { line in
            if line.hasPrefix("<<<<<<<") { side = 1 } else if line.hasPrefix("|||||||") { side = 2 }
            else if line.hasPrefix("=======") { side = 3 } else if line.hasPrefix(">>>>>>>") { side = 0 } else {
                return side == 0 || (side == 1 && keepsTheirs) || (side == 3 && keepsOurs)
            }
            return false
        }
        try fork.write([path: lines.joined(separator: "\n") + "resolved \(random.below(1000))\n"])
        try await fork.git.change(["--literal-pathspecs", "add", "--", path])
    }

    /// The files of a commit but the notes.
    private func listing(_ fork: TestFork, _ name: String) async throws -> [String] {
        try await fork.git.read(["ls-tree", "-r", "-z", name]).fields.filter { !$0.hasSuffix("\tUPSTREAM.md") }
    }
}
