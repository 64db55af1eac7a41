import Foundation
import JSON
import Testing

/// `forktail plugins fork`.
@Suite struct PluginForkTests {
    @Test func `a fork has the files of its parent and knows where they are from`() throws {
        let repository = try PluginRepository("Schedulers/Constant")
        let (commit, tree) = (try repository.git("rev-parse", "HEAD"), try repository.git("rev-parse", "HEAD:Plugins/Schedulers/Constant"))
        let outcome = try repository.forktail("plugins", "fork", "core.scheduler.constant", "--as", "acme.scheduler.constant")
        try #require(outcome.status == 0, "\(outcome.diagnostics)")
        let folder = "Plugins/Schedulers/AcmeConstant"
        for file in ["Constant.swift", "README.md"] {
            #expect(try repository.text("\(folder)/\(file)") == repository.text("Plugins/Schedulers/Constant/\(file)"))
        }
        #expect(
            try repository.text("\(folder)/plugin.json") == """
                {
                  "schema": 1,
                  "id": "acme.scheduler.constant",
                  "version": "0.1.0",
                  "api": "0.1",
                  "summary": "The learning rate as it is",
                  "license": "Apache-2.0",
                  "principal": "ConstantPlugin",
                  "provides": [
                    { "kind": "scheduler", "name": "constant", "replaces": "core.scheduler.constant" }
                  ],
                  "requires": [],
                  "lineage": [
                    { "id": "core.scheduler.constant", "version": "0.1.0", "commit": "\(commit)", "tree": "\(tree)" }
                  ]
                }

                """)
        #expect(outcome.output.contains("plugins: {paths: [build/acme.scheduler.constant.so], use: [acme.scheduler.constant]}"))
        #expect(!outcome.output.contains("UPSTREAM.md"))
        // Nothing but the folder appeared.
        #expect(try repository.git("status", "--porcelain") == "?? \(folder)/")
    }

    @Test func `a fork of a fork keeps the chain, and explain shows it`() throws {
        let repository = try PluginRepository("Schedulers/Constant")
        #expect(try repository.forktail("plugins", "fork", "core.scheduler.constant", "--as", "acme.scheduler.constant").status == 0)
        let commit = try repository.commit("fork")
        let second = try repository.forktail(
            "plugins", "fork", "acme.scheduler.constant", "--as", "corp.scheduler.constant", "--into", "mine")
        try #require(second.status == 0, "\(second.diagnostics)")
        let lineage = try #require(try repository.json("mine/plugin.json")["lineage"]?.array)
        #expect(lineage.compactMap { $0["id"]?.string } == ["acme.scheduler.constant", "core.scheduler.constant"])
        #expect(lineage[0]["commit"]?.string == commit)
        for (folder, id) in [("Plugins/Schedulers/AcmeConstant", "acme"), ("mine", "corp")] {
            let built = try repository.forktail("plugins", "build", folder, "--output", "build/\(id).so")
            try #require(built.status == 0, "\(built.diagnostics)")
        }
        let explained = try repository.forktail(
            "plugins", "explain", "scheduler", "constant", "--plugin", "build/acme.so", "--plugin", "build/corp.so")
        #expect(explained.output.contains("replaces: corp.scheduler.constant -> acme.scheduler.constant -> core.scheduler.constant"))
        #expect(explained.output.contains("forked from acme.scheduler.constant 0.1.0, commit \(commit)"))
        #expect(explained.output.contains("forked from core.scheduler.constant 0.1.0, commit "))
    }

    @Test func `in a fork of a repository the change gets its entry`() throws {
        let repository = try PluginRepository("Schedulers/Constant")
        let base = try repository.git("rev-parse", "HEAD")
        try repository.write(
            "UPSTREAM.md",
            "# Upstream\nUpstream: https://example.org/up.git\nTracking: main\nBase: \(base)\nLast-Sync: 2026-01-01\n"
                + "Strategy: rebase\nMax-Core-Patches: 10\n")
        try repository.commit("NOTES: header")
        let outcome = try repository.forktail("plugins", "fork", "core.scheduler.constant", "--as", "acme.scheduler.constant")
        try #require(outcome.status == 0, "\(outcome.diagnostics)")
        let notes = try repository.text("UPSTREAM.md")
        #expect(notes.contains("\n## acme-constant\n"))
        #expect(notes.contains("\nKind: plugin-override\nTouches: Plugins/Schedulers/AcmeConstant\nReplaces: core.scheduler.constant\n"))
        #expect(outcome.output.contains("git commit -m 'NOTES: acme-constant'"))
    }

    @Test(
        "what cannot be forked is refused with what mends it",
        arguments: [
            (["core.scheduler.constent", "--as", "acme.scheduler.constent"],
                "no folder with the sources of core.scheduler.constent (looked in ROOT and BUILT). did you mean "
                    + "'core.scheduler.constant'? say where they are: --from DIR"),
            (["core.scheduler.constant", "--as", "acme.scheduler.flat"],
                "--as: found 'acme.scheduler.flat'; a fork keeps the kind and name of its parent, so that it can replace it\n"
                    + "    fix: --as acme.scheduler.constant"),
            (["core.scheduler.constant", "--as", "core.scheduler.constant"],
                "--as: the publisher 'core' is Forktail's own\n    fix: --as acme.scheduler.constant"),
            (["core.scheduler.constant", "--as", "constant"],
                "--as: found 'constant', expected publisher.kind.name, for example 'acme.trainer.grpo'"),
            (["core.scheduler.constant", "--as", "acme.scheduler.constant", "--into", "Plugins"],
                "ROOT/Plugins: has files already\n    fix: choose another folder: --into DIR"),
            (["core.scheduler.constant", "--as", "acme.scheduler.constant", "--from", "nowhere"], "nowhere: no such folder"),
        ])
    func refused(arguments: [String], message: String) throws {
        let repository = try PluginRepository("Schedulers/Constant")
        let outcome = try Executable.shell(
            "cd \"$1\" && shift && exec \"$0\" plugins fork \"$@\"", [repository.root] + arguments)
        #expect(outcome.status == 2)
        let places = message.replacingOccurrences(of: "ROOT and BUILT", with: "PLACES")
        let error = (outcome.error ?? "").replacingOccurrences(of: repository.root, with: "ROOT").replacing(/looked in [^)]*/, with: "looked in PLACES")
        #expect(error == places)
        #expect(try repository.git("status", "--porcelain").isEmpty)
    }

    @Test func `a parent with changes that are not committed is refused`() throws {
        let repository = try PluginRepository("Schedulers/Constant")
        try repository.replace("Plugins/Schedulers/Constant/Constant.swift", "{ 1 }", "{ 2 }")
        let outcome = try repository.forktail("plugins", "fork", "core.scheduler.constant", "--as", "acme.scheduler.constant")
        #expect(outcome.status == 2)
        #expect(
            outcome.error == """
                Plugins/Schedulers/Constant: has changes that are not committed (Plugins/Schedulers/Constant/Constant.swift); \
                a fork starts from a commit
                    fix: git add Plugins/Schedulers/Constant && git commit, or git stash
                """)
    }

    @Test func `a plugin that is a repository of its own is forked into another one`() throws {
        let first = try PluginRepository("Schedulers/Constant")
        let second = try PluginRepository(beside: first, "own")
        let made = try second.forktail("plugins", "fork", "core.scheduler.constant", "--as", "acme.scheduler.constant", "--from", first.root, "--into", ".")
        try #require(made.status == 0, "\(made.diagnostics)")
        let commit = try second.commit("fork")
        let third = try PluginRepository(beside: first, "third")
        let again = try third.forktail("plugins", "fork", "acme.scheduler.constant", "--as", "corp.scheduler.constant", "--from", second.root, "--into", "mine")
        try #require(again.status == 0, "\(again.diagnostics)")
        let lineage = try third.json("mine/plugin.json")["lineage"]?.array ?? []
        #expect(lineage.first?["commit"]?.string == commit)
        #expect(try lineage.first?["tree"]?.string == second.git("rev-parse", "HEAD^{tree}"))
    }

    @Test func `an installation without a repository has the sources of what is built in`() throws {
        let repository = try PluginRepository("Schedulers/Constant")
        let exported = try repository.forktail("plugins", "sdk", "export", "../sdk")
        try #require(exported.status == 0, "\(exported.diagnostics)")
        // Whatever these tests were built from: an SDK made from a commit names it.
        let about = try repository.json("../sdk/sdk.json")
        let commit = String(repeating: "c", count: 40)
        try repository.write("../sdk/sdk.json", about.setting("commit", to: .string(commit)).text)
        let elsewhere = try PluginRepository(beside: repository, "elsewhere")
        let outcome = try Executable.shell(
            "cd \"$1\" && FORKTAIL_SDK=../sdk exec \"$0\" plugins fork core.scheduler.constant --as acme.scheduler.constant",
            [elsewhere.root])
        try #require(outcome.status == 0, "\(outcome.diagnostics)")
        #expect(outcome.output.hasPrefix("wrote AcmeConstant: acme.scheduler.constant 0.1.0\n"))
        let ancestor = try elsewhere.json("AcmeConstant/plugin.json")["lineage"]?.array?.first
        #expect(ancestor?["commit"]?.string == commit)
        #expect(try ancestor?["tree"]?.string == repository.git("rev-parse", "HEAD:Plugins/Schedulers/Constant"))
        // A clone that has the same files serves as its parent from then on.
        try elsewhere.commit("fork")
        let shown = try elsewhere.forktail("plugins", "diff", "acme.scheduler.constant", "--parent", repository.root)
        #expect(shown.output.contains("my change since the base: none"), "\(shown.diagnostics)")
    }
}
