import Forks
import Foundation
import JSON
import Testing

struct ForecastTests {
    private static let numbered = (1...12).map { "line \($0)\n" }.joined()

    /// A fork with a change of each kind that a forecast tells apart.
    private func fork() async throws -> TestFork {
        let lines = ForecastTests.numbered
        let fork = try await TestFork([
            "Sources/Core/A.swift": lines, "Sources/Core/B.swift": lines, "Sources/Core/C.swift": lines,
            "Sources/Core/D.swift": lines,
        ])
        try await fork.change("far", "touch the end of A", ["Sources/Core/A.swift": lines + "ours\n"])
        try await fork.entry("far")
        try await fork.change("clamp", "clamp line 2", ["Sources/Core/B.swift": lines.replacing("line 2\n", with: "ours 2\n")])
        try await fork.entry("clamp", summary: "clamp the second line")
        try await fork.change("taken", "fix line 5", ["Sources/Core/C.swift": lines.replacing("line 5\n", with: "five\n")])
        try await fork.entry("taken")
        try await fork.change("other", "fix line 7", ["Sources/Core/D.swift": lines.replacing("line 7\n", with: "seven\n")])
        try await fork.entry("other")
        try await fork.upstream(tag: "v1.1.0") {
            try fork.write(["Sources/Core/A.swift": "theirs\n" + lines])
            try await fork.commit("begin A with a word")
            try fork.write(["Sources/Core/B.swift": lines.replacing("line 2\n", with: "theirs 2\n")])
            try await fork.commit("core: rework the second line")
            try fork.write(["Sources/Core/C.swift": lines.replacing("line 5\n", with: "five\n")])
            try await fork.commit("fix line 5")
            try fork.write(["Sources/Core/D.swift": lines.replacing("line 7\n", with: "seven\n").replacing("line 12\n", with: "twelve\n")])
            try await fork.commit("fix lines 7 and 12")
        }
        return fork
    }

    private func forecast(_ fork: TestFork, _ target: String = "v1.1.0") async throws -> Forecast {
        try await Forecast.make(try await fork.repository, to: target)
    }

    @Test func `each commit is clean, in conflict, upstream's already, or reworked there`() async throws {
        let fork = try await fork()
        let forecast = try await forecast(fork)
        #expect(forecast.rows.filter(\.isChange).map(\.fate) == [.clean, .conflict, .upstream, .reworked])
        let base = try await fork.head("v1.0.0").prefix(10)
        let target = try await fork.head("v1.1.0").prefix(10)
        let theirs = try await fork.git.read(["log", "-1", "--format=%h", "v1.1.0", "--", "Sources/Core/B.swift"]).text
        #expect(
            forecast.text == """
                plan: \(base) v1.0.0 -> \(target) v1.1.0   series 4 commits, 4 changes
                 clean     FORK: touch the end of A  far
                 CONFLICT  FORK: clamp line 2        clamp
                           ours: clamp the second line
                           Sources/Core/B.swift (upstream \(theirs) "core: rework the second line")
                 upstream  FORK: fix line 5          taken  upstream has the same patch: sync leaves it out
                 reworked  FORK: fix line 7          other  nothing is left of it, upstream reworked it: sync leaves it out
                """)
    }

    @Test func `the forecast for programs has every row`() async throws {
        let fork = try await fork()
        let json = try await forecast(fork).json
        #expect(json["conflicts"]?.bool == true)
        let rows = try #require(json["rows"]?.array)
        #expect(rows.map { $0["fate"]?.string } == ["clean", "conflict", "upstream", "reworked"])
        #expect(rows.map { $0["slug"]?.string } == ["far", "clamp", "taken", "other"])
        #expect(rows[1]["files"]?.array?.first?["path"]?.string == "Sources/Core/B.swift")
        #expect(rows[1]["files"]?.array?.first?["upstream_subject"]?.string == "core: rework the second line")
        #expect(rows[1]["summary"]?.string == "clamp the second line")
    }

    @Test func `what upstream took and took back is kept`() async throws {
        let lines = ForecastTests.numbered
        let fork = try await TestFork(["A": lines])
        try await fork.change("back", "fix", ["A": lines.replacing("line 5\n", with: "five\n")])
        try await fork.entry("back")
        try await fork.upstream(tag: "v1.1.0") {
            try fork.write(["A": lines.replacing("line 5\n", with: "five\n")])
            try await fork.commit("take it")
            try await fork.git.change(["revert", "--no-edit", "HEAD"])
        }
        let forecast = try await forecast(fork)
        #expect(forecast.rows.filter(\.isChange).map(\.fate) == [.returned])
        #expect(forecast.text.hasSuffix("clean     FORK: fix  back  upstream took it and took it back: sync keeps it"))
    }

    @Test func `a commit that builds on one in conflict says so`() async throws {
        let lines = ForecastTests.numbered
        let fork = try await TestFork(["A": lines])
        try await fork.change("one", "first", ["A": lines.replacing("line 5\n", with: "ours\n")])
        try await fork.change("one", "second", ["A": lines.replacing("line 5\n", with: "ours\nmore\n")])
        try await fork.change("new", "a file", ["N": "a\n"])
        try await fork.change("new", "of that file", ["N": "b\n"])
        try await fork.entry("one")
        try await fork.entry("new")
        try await fork.upstream(tag: "v1.1.0") {
            try fork.write(["A": lines.replacing("line 5\n", with: "theirs\n"), "N": "theirs\n"])
            try await fork.commit("their line")
        }
        let forecast = try await forecast(fork)
        #expect(forecast.rows.filter(\.isChange).map(\.fate) == [.conflict, .conflict, .conflict, .conflict])
        let alone = try await TestFork(["A": lines])
        try await alone.change("new", "a file", ["N": "a\n"])
        try await alone.change("new", "of that file", ["N": "b\n"])
        try await alone.entry("new")
        try await alone.upstream(tag: "v1.1.0") {
            try alone.write(["A": "x\n"])
            try await alone.commit("elsewhere")
        }
        #expect(try await self.forecast(alone).rows.filter(\.isChange).map(\.fate) == [.clean, .clean])
    }

    @Test func `a plugin whose parent moved on is told with its files`() async throws {
        let fork = try await TestFork([
            "Plugins/Trainers/GRPO/plugin.json": #"{"id": "core.trainer.grpo", "lineage": []}"#,
            "Plugins/Trainers/GRPO/GRPO.swift": "loss\n", "Plugins/Trainers/GRPO/README.md": "about\n",
            "Plugins/Trainers/SFT/plugin.json": #"{"id": "core.trainer.sft", "lineage": []}"#,
        ])
        let tree = try await fork.head("HEAD:Plugins/Trainers/GRPO")
        let other = try await fork.head("HEAD:Plugins/Trainers/SFT")
        func manifest(_ id: String, _ parent: String, _ tree: String) -> String {
            #"{"id": "\#(id)", "lineage": [{"id": "\#(parent)", "version": "0.3.1", "tree": "\#(tree)"}]}"#
        }
        try await fork.change(
            "copies", "copy them",
            [
                "Plugins/Acme/GRPO/plugin.json": manifest("acme.trainer.grpo", "core.trainer.grpo", tree),
                "Plugins/Acme/SFT/plugin.json": manifest("acme.trainer.sft", "core.trainer.sft", other),
                "Plugins/Acme/Old/plugin.json": manifest("acme.trainer.old", "core.trainer.old", other),
                "Plugins/Acme/Lost/plugin.json":
                    manifest("acme.trainer.lost", "core.trainer.grpo", String(repeating: "0", count: 39) + "1"),
            ])
        try await fork.entry("copies")
        try await fork.upstream(tag: "v1.1.0") {
            // A folder that moved is the same plugin.
            try await fork.git.change(["mv", "Plugins/Trainers", "Plugins/Algorithms"])
            try fork.write(["Plugins/Algorithms/GRPO/GRPO.swift": "another loss\n"])
            try await fork.commit("grpo: another loss")
        }
        let plugins = try await forecast(fork).plugins
        #expect(
            plugins == [
                PluginDrift(
                    id: "acme.trainer.grpo", parent: "core.trainer.grpo", version: "0.3.1", files: ["GRPO.swift"],
                    state: .changed),
                PluginDrift(
                    id: "acme.trainer.lost", parent: "core.trainer.grpo", version: "0.3.1", files: [], state: .unknown),
                PluginDrift(
                    id: "acme.trainer.old", parent: "core.trainer.old", version: "0.3.1", files: [], state: .gone),
            ])
        #expect(
            try await forecast(fork).text.contains(
                " plugin    core.trainer.grpo changed since lineage 0.3.1 (1 file: GRPO.swift): forktail plugins diff acme.trainer.grpo"))
    }

    @Test func `a changed interface names its modules and the plugins to build again`() async throws {
        let list = "static let modules = [\n    \"Core\", \"CKernels\",\n]\n"
        let fork = try await TestFork([
            "Sources/InterfaceFingerprint/InterfaceFingerprint.swift": list, "Sources/Core/Tensor.swift": "a\n",
            "Sources/CKernels/include/k.h": "a\n", "Sources/Host/Run.swift": "a\n", "Sources/Core/notes.md": "a\n",
        ])
        try await fork.change("mine", "a plugin", ["Plugins/Mine/plugin.json": #"{"id": "acme.trainer.mine"}"#])
        try await fork.entry("mine")
        try await fork.upstream(tag: "v1.1.0") {
            try fork.write(["Sources/Host/Run.swift": "b\n", "Sources/Core/notes.md": "b\n"])
            try await fork.commit("not the interface")
        }
        #expect(try await forecast(fork).interface == nil)
        try await fork.upstream(tag: "v1.2.0") {
            try fork.write(["Sources/CKernels/include/k.h": "b\n", "Sources/Core/New.swift": "b\n"])
            try await fork.commit("the interface")
        }
        let forecast = try await forecast(fork, "v1.2.0")
        #expect(
            forecast.interface
                == InterfaceDrift(
                    files: ["Sources/CKernels/include/k.h", "Sources/Core/New.swift"], plugins: ["acme.trainer.mine"]))
        #expect(
            forecast.text.hasSuffix(
                " interface CKernels, Core changed (2 files): rebuild acme.trainer.mine and plugins that are built outside"))
    }

    @Test func `recipe keys that disappear are told by plugin`() async throws {
        func source(_ keys: [String]) -> String {
            "public static let help = [\n" + keys.map { "    \"\($0)\": \"what it is: a \\\"word\\\"\" + \"more\",\n" }.joined() + "]\n"
        }
        let fork = try await TestFork([
            "Plugins/T/plugin.json": #"{"id": "core.trainer.t"}"#, "Plugins/T/T.swift": source(["beta", "gamma", "delta"]),
            "Plugins/U/plugin.json": #"{"id": "core.trainer.u"}"#, "Plugins/U/U.swift": source(["x"]),
            "Sources/Host/Sections.swift": source(["seed", "size"]),
        ])
        try await fork.upstream(tag: "v1.1.0") {
            try await fork.git.change(["mv", "Plugins/T", "Plugins/Moved"])
            try fork.write([
                "Plugins/Moved/T.swift": source(["beta"]), "Plugins/Moved/More.swift": source(["gamma"]),
                "Plugins/U/plugin.json": nil, "Plugins/U/U.swift": nil,
                "Sources/Host/Sections.swift": source(["seed"]),
            ])
            try await fork.commit("fewer keys")
        }
        let forecast = try await forecast(fork)
        #expect(forecast.lostKeys.map(\.place) == ["Sources/Host/Sections.swift", "core.trainer.t", "core.trainer.u"])
        #expect(forecast.lostKeys.map(\.keys) == [["size"], ["delta"], []])
        #expect(
            forecast.text.hasSuffix(
                """
                 recipes   Sources/Host/Sections.swift no longer has size
                 recipes   core.trainer.t no longer has delta
                 recipes   core.trainer.u is gone
                """))
    }

    @Test func `what cannot be forecast is a sentence with the command that mends it`() async throws {
        let fork = try await fork()
        await #expect(throws: ForkError("", "there is no tag, branch or commit 'v9' here", fix: "git fetch --tags upstream")) {
            try await forecast(fork, "v9")
        }
        try fork.write(["Sources/Core/A.swift": "dirty\n"])
        await #expect(
            throws: ForkError(
                "", "the work tree has changes that are not committed: Sources/Core/A.swift",
                fix: "git commit -a, or git stash")
        ) { try await forecast(fork) }
    }

    @Test func `a series with a merge is refused`() async throws {
        let fork = try await fork()
        try await fork.git.change(["merge", "-q", "-s", "ours", "--no-edit", "-m", "Merge upstream", "v1.1.0"])
        let hash = try await fork.head()
        let base = try await fork.head("v1.0.0")
        await #expect(
            throws: ForkError(
                String(hash.prefix(8)), "'Merge upstream' is a merge; a series is a line of commits on top of its base",
                fix: "git rebase \(base.prefix(10)), which makes it one, after git tag before-rebase")
        ) { try await forecast(fork) }
    }

    @Test func `this repository's own interface and settings are found in its sources`() throws {
        var root = URL(filePath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let list = try String(contentsOf: root.appending(path: InterfaceDrift.list), encoding: .utf8)
        let modules = InterfaceDrift.modules(in: list)
        #expect(modules.count >= 12 && modules.contains("Core") && modules.contains("PluginAPI"))
        let trainer = try String(contentsOf: root.appending(path: "Plugins/Trainers/DPO/DPO.swift"), encoding: .utf8)
        #expect(LostKeys.keys(of: trainer) == ["beta", "reference"])
    }

    @Test func `the keys of a settings type are those of its help`() {
        let source = """
            public static let help: [String: String] = ["a": "x: y", "b_c": "q"]
            let other = ["no": "not help"]
            static let help = ["d": "one " + "two: \\"three\\"",
                "e": "last"]
            """
        #expect(LostKeys.keys(of: source) == ["a", "b_c", "d", "e"])
    }
}
