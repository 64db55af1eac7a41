import Foundation
import JSON
import Testing

/// Workspace files: plugins from other folders and repositories.
@Suite struct WorkspaceTests {
    /// A repository `project` with a workspace that names a plugin in a folder and one in a commit of another repository.
    private func project() throws -> (PluginRepository, commit: String) {
        let other = try PluginRepository("Schedulers/Constant")
        #expect(try other.forktail("plugins", "fork", "core.scheduler.constant", "--as", "acme.scheduler.constant", "--into", "deep/flat").status == 0)
        try other.replace("deep/flat/Constant.swift", "{ 1 }", "{ 0.5 }")
        let commit = try other.commit("fork")
        // The branch goes on; the workspace stays where it is.
        try other.replace("deep/flat/Constant.swift", "{ 0.5 }", "{ broken }")
        try other.commit("later")
        let project = try PluginRepository(beside: other, "project")
        try FileManager.default.copyItem(
            at: TestPlugins.root.appending(path: "Examples/Plugins/SignSGD"), to: URL(filePath: project.root + "/sign"))
        try project.write(
            "team.yaml",
            "plugins:\n  - {path: sign}\n  - {git: ../repository, commit: \(commit), folder: deep/flat}\n")
        return (project, commit)
    }

    @Test func `a workspace is fetched, built, recorded and used`() throws {
        let (project, commit) = try project()
        let synced = try project.forktail("plugins", "sync", "team.yaml", "--json")
        try #require(synced.status == 0, "\(synced.diagnostics)")
        let lock = try project.json("team.lock.json")
        #expect(try JSONValue(parsing: synced.output) == lock)
        let plugins = try #require(lock["plugins"]?.array)
        #expect(plugins.map { $0["id"]?.string } == ["acme.optimizer.signsgd", "acme.scheduler.constant"])
        #expect(plugins[1]["commit"]?.string == commit)
        // A second time there is nothing to do.
        let again = try project.forktail("plugins", "sync", "team.yaml")
        #expect(again.output.components(separatedBy: "unchanged").count == 3)
        let listed = try project.forktail("plugins", "list", "--kind", "scheduler", "--workspace", "team.yaml")
        #expect(listed.output.contains("acme.scheduler.constant  0.1.0    .forktail/team/plugins/acme.scheduler.constant.so  available"))

        try project.write("train.jsonl", (1...8).map { "{\"input_ids\": [1, \($0), 5, \($0), 7, 2]}\n" }.joined())
        try project.write(
            "recipe.yaml",
            """
            name: tiny
            model:
              config: {model_type: llama, vocab_size: 16, hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2, max_position_embeddings: 64, rms_norm_eps: 1.0e-5}
            trainer: pretrain
            optimizer: {name: signsgd, lr: 1.0e-3}
            scheduler: constant
            data: {train: [train.jsonl]}
            sequence: {length: 16}
            steps: 2
            plugins: {workspace: team.yaml, use: [acme.scheduler.constant]}

            """)
        let run = try project.forktail("train", "recipe.yaml", "--run-dir", "run")
        try #require(run.status == 0, "\(run.diagnostics)")
        #expect(try JSONFile.lines(project.root + "/run/metrics.jsonl").map { $0["lr"]?.double } == [5e-4, 5e-4])
        let own = try project.json("run/plugins.lock.json")["plugins"]?.array?.first { $0["id"]?.string == "acme.scheduler.constant" }
        #expect(own?["commit"]?.string == commit)
        #expect(own?["sha256"]?.string == plugins[1]["sha256"]?.string)

        // Another file under the recorded name is refused.
        let file = URL(filePath: project.root + "/.forktail/team/plugins/acme.optimizer.signsgd.so")
        try (Data(contentsOf: file) + Data([0])).write(to: file)
        let changed = try project.forktail("train", "recipe.yaml", "--run-dir", "other")
        #expect(changed.status == 2)
        #expect(changed.error?.contains("acme.optimizer.signsgd.so is not the file that team.yaml recorded") == true)
        #expect(changed.error?.contains("build it again: forktail plugins sync team.yaml") == true)
        // And built again.
        #expect(try project.forktail("plugins", "sync", "team.yaml").status == 0)
        #expect(try project.forktail("train", "recipe.yaml", "--run-dir", "other").status == 0)
    }

    @Test func `what was not synced, or is no workspace, is refused`() throws {
        let (project, _) = try project()
        try project.write("recipe.yaml", "plugins: {workspace: team.yaml}\n")
        #expect(
            try project.forktail("train", "recipe.yaml").error
                == "the plugins of team.yaml were not built yet. build its plugins: forktail plugins sync team.yaml")
        try project.write(
            "bad.yaml",
            "plugin: 1\nplugins:\n  - {path: sign, commit: 1}\n  - {git: ../repository, commit: main}\n  - {}\n"
                + "  - {git: x, commit: \(String(repeating: "a", count: 40)), folder: ../..}\n")
        let bad = try project.forktail("plugins", "sync", "bad.yaml")
        #expect(bad.status == 2)
        #expect(
            bad.error == """
                bad.yaml.plugin: unknown key; did you mean 'plugins'?
                bad.yaml: plugins[0].commit: unknown key; known here: path
                bad.yaml: plugins[1].commit: found 'main', expected the 40 digits of a commit
                    fix: git ls-remote ../repository
                bad.yaml: plugins[2]: found {}, expected {path: DIR} or {git: URL, commit: COMMIT, folder: DIR}
                bad.yaml: plugins[3].folder: found '../..', expected a folder below the repository's root
                """)
        let nobody = String(repeating: "a", count: 40)
        try project.write("gone.yaml", "plugins:\n  - {path: nowhere}\n  - {git: ../repository, commit: \(nobody)}\n")
        let gone = try project.forktail("plugins", "sync", "gone.yaml")
        #expect(gone.status == 2)
        #expect(
            gone.error == """
                gone.yaml: nowhere has no plugin.json
                gone.yaml: ../repository has no commit \(nobody)
                    fix: git ls-remote ../repository
                """)
        #expect(!project.exists("gone.lock.json"))
    }
}
