import Foundation
import JSON
import Testing

/// What a precision does to a run, on the bytes of a real text.
@Suite(.enabled(if: TextRun.isPresent, "the shared data folder is absent; set FORKTAIL_SHARED_DATA"))
struct PrecisionTests {
    @Test(
        "two runs of a recipe with the same threads are equal bit for bit",
        arguments: ["float32", "bfloat16"], [1, 3])
    func repeats(precision: String, threads: Int) throws {
        let text = try TextRun()
        let settings = [
            "model.precision=\(precision)", "steps=12", "batch.micro=4", "data.loader.shuffle=true",
            "clip_grad_norm=0.5",
        ]
        let runs = try ["first", "second"].map { try text.train($0, threads: threads, settings) }
        #expect(runs[0].metrics.count == 12)
        #expect(runs[0].metrics == runs[1].metrics)
        #expect(runs[0].weights == runs[1].weights)
    }

    /// The statistic: the mean loss of each window of 20 steps, relative to float32's of the same window. Where a rate is
    /// so high that the loss jumps, runs part for other reasons than precision: at twice this one's, seed 7 parted by
    /// 1.1 % in one window while four other seeds stayed within 0.5 %; at this one's, eight seeds stayed within 0.13 %.
    @Test("the loss in bfloat16 stays within 1 % of float32's over 200 steps")
    func lossCurve() throws {
        let text = try TextRun()
        let full = try text.train("float32", threads: 2, ["model.precision=float32"]).losses
        let half = try text.train("bfloat16", threads: 2, ["model.precision=bfloat16"]).losses
        try #require(full.count == 200 && half.count == 200)
        #expect(full != half)
        let gaps = stride(from: 0, to: 200, by: 20).map { start in
            let window = start..<start + 20
            let (a, b) = (full[window].reduce(0, +), half[window].reduce(0, +))
            return abs(b - a) / a
        }
        print("bfloat16 against float32, mean loss of 20 steps:", gaps.map { String(format: "%.3f %%", $0 * 100) })
        #expect(gaps.allSatisfy { $0 <= 0.01 })
        // A curve that does not fall compares nothing: bytes of this text start at log(128) = 4.85.
        #expect(full[180...].reduce(0, +) / 20 < 2.4)
    }
}

/// A small llama over the bytes of tinyshakespeare.
private struct TextRun {
    struct Result {
        let metrics: [String]
        let losses: [Double]
        let weights: Data
    }

    static let source =
        (ProcessInfo.processInfo.environment["FORKTAIL_SHARED_DATA"] ?? Golden.packageRoot + "/../shared/data")
        + "/tinyshakespeare/input.txt"
    static var isPresent: Bool { FileManager.default.fileExists(atPath: source) }

    private let scratch: Scratch
    private let recipe: String

    init() throws {
        scratch = try Scratch()
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: TextRun.source)))
        // Windows of 65 bytes spread over the whole text by a stride that has no factor in common with its length.
        let lines = (0..<3200).map { index in
            let start = index * 40_009 % (bytes.count - 65)
            return "{\"input_ids\": [\(bytes[start..<start + 65].map { "\($0)" }.joined(separator: ","))]}\n"
        }
        let data = try scratch.write("train.jsonl", lines.joined())
        recipe = try scratch.write(
            "recipe.yaml",
            """
            seed: 7
            model:
              config:
                model_type: llama
                vocab_size: 128
                hidden_size: 96
                intermediate_size: 256
                num_hidden_layers: 3
                num_attention_heads: 6
                num_key_value_heads: 2
                max_position_embeddings: 65
                rms_norm_eps: 1.0e-5
                tie_word_embeddings: true
            trainer: {name: pretrain, append_eos: false}
            optimizer: {name: adamw, lr: 1.0e-3, weight_decay: 0.1}
            scheduler: {name: cosine, warmup_steps: 40, min_ratio: 0.1}
            data: {loader: {name: jsonl}, train: ["\(data)"]}
            batch: {size: 16}
            sequence: {length: 65}
            steps: 200
            clip_grad_norm: 1.0
            """)
    }

    func train(_ run: String, threads: Int, _ settings: [String]) throws -> Result {
        let outcome = try Executable.shell(
            "FORKTAIL_THREADS=\(threads) exec \"$0\" \"$@\"",
            ["train", recipe, "--run-dir", scratch.path(run)] + settings)
        try #require(outcome.status == 0, "\(outcome.diagnostics)")
        return Result(
            metrics: try JSONFile.metrics(scratch.path(run)),
            losses: try JSONFile.lines(scratch.path(run + "/metrics.jsonl")).compactMap { $0["loss"]?.double },
            weights: try scratch.data(run + "/final/model.safetensors"))
    }
}
