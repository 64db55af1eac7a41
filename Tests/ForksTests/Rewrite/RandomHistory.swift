import Forks
import Foundation

/// A fork and its upstream that both went on from a base, by a seed: edits, new files, renames, deletions, moved folders,
/// and on upstream's side changes of the fork that were merged, reworked, split, or merged and taken back.
struct RandomHistory {
    let fork: TestFork
    private var random: SeededGenerator

    init(_ seed: Int) async throws {
        var random = SeededGenerator(seed)
        var files: [String: String] = [:]
        for name in ["Sources/Core/A.swift", "Sources/Core/B.swift", "Sources/Core/Deep/C.swift", "Docs/d e.md", "top"] {
            files[name] = RandomHistory.lines(&random, 8 + random.below(20))
        }
        for plugin in ["One", "Two"] {
            files["Plugins/\(plugin)/plugin.json"] = "{\"id\": \"core.trainer.\(plugin.lowercased())\", \"lineage\": []}\n"
            files["Plugins/\(plugin)/\(plugin).swift"] = RandomHistory.lines(&random, 10 + random.below(10))
        }
        fork = try await TestFork(files)
        self.random = random
        try await forkSide()
        try await upstreamSide()
    }

    private static func lines(_ random: inout SeededGenerator, _ count: Int) -> String {
        (0..<count).map { _ in line(&random) + "\n" }.joined()
    }

    private static func line(_ random: inout SeededGenerator) -> String {
        // Braces and empty lines repeat, as in sources, which is what makes merges go astray.
        switch random.below(6) {
        case 0: ""
        case 1: "    }"
        default: "    line \(random.below(1_000_000))"
        }
    }

    private mutating func forkSide() async throws {
        let changes = 1 + random.below(4)
        for number in 0..<changes {
            let slug = "change-\(number)"
            for part in 0..<1 + random.below(2) {
                try await edit(times: 1 + random.below(2))
                try await fork.change(slug, "part \(part) of \(slug)")
            }
            try await fork.entry(slug)
            // A change may come back to what it did.
            if number > 0, random.chance(20) {
                try await edit(times: 1)
                try await fork.change("change-0", "afterthought \(number)")
            }
        }
    }

    private mutating func upstreamSide() async throws {
        let commits = try await fork.git.read(["log", "--reverse", "--format=%H %s", "v1.0.0..fork/main"]).lines
            .filter { $0.contains("FORK:") }.map { String($0.prefix(40)) }
        let count = 1 + random.below(5)
        var this = self
        try await fork.upstream(tag: "v1.1.0") {
            for number in 0..<count { try await this.upstreamCommit(number, commits) }
        }
        self = this
    }

    private mutating func upstreamCommit(_ number: Int, _ commits: [String]) async throws {
        let git = fork.git
        guard random.chance(40) else {
            try await edit(times: 1 + random.below(2))
            try await fork.commit("upstream \(number)")
            return
        }
        let pick = try await git.run(["cherry-pick", commits[random.below(commits.count)]], changes: true)
        guard pick.status == 0 else {
            try await git.change(["reset", "-q", "--hard"])
            return
        }
        try await git.change(["commit", "-q", "--amend", "-m", "take a change \(number)"])
        switch random.below(4) {
        case 0: break
        case 1:
            // Reworked: the same and more in one commit.
            try await edit(times: 1)
            try await git.change(["add", "-A"])
            try await git.change(["commit", "-q", "--amend", "--allow-empty", "-m", "rework a change \(number)"])
        case 2:
            try await git.change(["revert", "--no-edit", "HEAD"])
        default:
            try await edit(times: 1)
            try await fork.commit("on top of it \(number)")
        }
    }

    // MARK: Edits

    private mutating func edit(times: Int) async throws {
        for _ in 0..<times { try await edit() }
    }

    private mutating func edit() async throws {
        let files = Set(try await fork.git.read(["ls-files", "-z", "--cached", "--others"]).fields)
            .filter { $0 != "UPSTREAM.md" && $0 != ".gitattributes" && FileManager.default.fileExists(atPath: "\(fork.root)/\($0)") }
            .sorted()
        guard let path = files.randomElement(using: &random) else { return }
        switch random.below(20) {
        case 0: try fork.write(["Sources/New\(random.below(3)).swift": RandomHistory.lines(&random, 4)])
        case 1 where files.count > 3: try fork.write([path: nil])
        case 2, 3: try rename(path)
        case 4: try moveFolder()
        case 5: try becomeFolder(path)
        default: try fork.write([path: changed(try fork.text(path))])
        }
    }

    private mutating func changed(_ text: String) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let place = random.below(lines.count)
        switch random.below(3) {
        case 0: lines.insert(RandomHistory.line(&random), at: place)
        case 1: lines.removeSubrange(place..<min(lines.count, place + 1 + random.below(3)))
        default: lines[place] = RandomHistory.line(&random)
        }
        return lines.joined(separator: "\n")
    }

    private mutating func rename(_ path: String) throws {
        let folder = ["Sources/Core", "Docs", "Plugins/One", "Sources/Core/Deep"][random.below(4)]
        let name = "\(folder)/moved\(random.below(4))"
        guard name != path, !FileManager.default.fileExists(atPath: "\(fork.root)/\(name)") else { return }
        let text = try fork.text(path)
        try fork.write([name: random.chance(50) ? changed(text) : text, path: nil])
    }

    /// A file makes room for a folder of its name.
    private mutating func becomeFolder(_ path: String) throws {
        try fork.write([path: nil])
        try fork.write(["\(path)/inner": RandomHistory.lines(&random, 3)])
    }

    /// A plugin moves to another folder, whole.
    private mutating func moveFolder() throws {
        let plugin = ["One", "Two"][random.below(2)]
        let places = ["Plugins/\(plugin)", "Plugins/Trainers/\(plugin)", "Attic/\(plugin)"]
        guard let from = places.first(where: { FileManager.default.fileExists(atPath: "\(fork.root)/\($0)") }) else { return }
        let to = places[random.below(3)]
        guard !FileManager.default.fileExists(atPath: "\(fork.root)/\(to)") else { return }
        let target = URL(filePath: fork.root).appending(path: to)
        try FileManager.default.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.moveItem(at: URL(filePath: fork.root).appending(path: from), to: target)
    }
}
