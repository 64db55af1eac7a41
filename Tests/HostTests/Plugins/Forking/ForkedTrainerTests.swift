import Foundation
import JSON
import Testing

/// A fork and its parent in one binary: trained with each, and compared.
@Suite struct ForkedTrainerTests {
    @Test func `a forked trainer and its parent are trained by name and compared`() throws {
        let repository = try PluginRepository("Trainers/Pretrain")
        #expect(try repository.forktail("plugins", "fork", "core.trainer.pretrain", "--as", "acme.trainer.pretrain", "--into", "mine").status == 0)
        // The fork does not train the last token of a document.
        try repository.replace(
            "mine/Pretrain.swift", "return document.trainedCount == 0 ? nil : Example([document], from: sample)",
            """
            let trained = document.ids.indices.map { $0 < document.ids.count - 1 }
            return Example([TokenSequence(ids: document.ids, trained: trained)], from: sample)
            """)
        let built = try repository.forktail("plugins", "build", "mine", "--output", "build/acme.trainer.pretrain.so")
        try #require(built.status == 0, "\(built.diagnostics)")
        try repository.write("train.jsonl", (1...12).map { "{\"input_ids\": [1, \($0), 5, \($0), 7, 2]}\n" }.joined())
        try repository.write(
            "recipe.yaml",
            """
            name: tiny
            model:
              config: {model_type: llama, vocab_size: 16, hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2, max_position_embeddings: 64, rms_norm_eps: 1.0e-5}
            trainer: pretrain
            optimizer: {name: adamw, lr: 1.0e-2}
            data: {train: [train.jsonl], loader: {name: jsonl, shuffle: true}}
            sequence: {length: 16}
            batch: {size: 4, micro: 4}
            steps: 12
            plugins: {paths: [build]}

            """)
        for trainer in ["core.trainer.pretrain", "acme.trainer.pretrain"] {
            for seed in 1...3 {
                let run = try repository.forktail(
                    "train", "recipe.yaml", "trainer=\(trainer)", "seed=\(seed)", "--run-dir", "runs/\(trainer)-\(seed)")
                try #require(run.status == 0, "\(run.diagnostics)")
            }
        }
        // By its plain name the parent stays what it was, until the fork is opted in.
        for (settings, twin) in [([], "core"), (["plugins.use=[acme.trainer.pretrain]"], "acme")] {
            let run = try Executable.shell(
                "cd \"$1\" && shift && exec \"$0\" train recipe.yaml seed=1 --resume never --run-dir runs/plain \"$@\"",
                [repository.root] + settings)
            try #require(run.status == 0, "\(run.diagnostics)")
            #expect(
                try JSONFile.metrics(repository.root + "/runs/plain")
                    == JSONFile.metrics(repository.root + "/runs/\(twin).trainer.pretrain-1"))
            try FileManager.default.removeItem(atPath: repository.root + "/runs/plain")
        }
        let runs = try FileManager.default.contentsOfDirectory(atPath: repository.root + "/runs").sorted().reversed()
        let compared = try Executable.shell(
            "cd \"$1/runs\" && shift && exec \"$0\" compare --json \"$@\"", [repository.root] + runs)
        let groups = try #require(try JSONValue(parsing: compared.output)["groups"]?.array, "\(compared.diagnostics)")
        #expect(groups.map { $0["label"]?.string } == ["trainer.name=core.trainer.pretrain", "trainer.name=acme.trainer.pretrain"])
        #expect(groups.allSatisfy { $0["runs"]?.array?.count == 3 })
        let means = groups.compactMap { $0["metrics"]?["loss"]?["mean"]?.double }
        #expect(means.count == 2 && means[0] != means[1])
        let lock = try repository.json("runs/acme.trainer.pretrain-1/plugins.lock.json")
        let own = lock["plugins"]?.array?.first { $0["id"]?.string == "acme.trainer.pretrain" }
        #expect(own?["sha256"]?.string?.count == 64)
    }
}
