import Foundation
import JSON
import Testing

/// A tiny model, its data and recipe, for runs over several ranks.
struct LayoutBench {
    /// What the layouts of one model can depend on.
    enum Form: String, CaseIterable, Sendable {
        /// Grouped-query heads, tied embeddings.
        case tied
        case untied
        /// Fused projections stored transposed, biases, learned positions.
        case gpt2
        /// Experts in every layer, with a balancing loss.
        case mixtral

        var config: String {
            switch self {
            case .tied, .untied:
                """
                {model_type: llama, hidden_size: 16, intermediate_size: 24, num_hidden_layers: 4, num_attention_heads: 4, \
                num_key_value_heads: 2, vocab_size: 61, max_position_embeddings: 32, rms_norm_eps: 1.0e-5, \
                rope_theta: 10000.0, tie_word_embeddings: \(self == .tied)}
                """
            case .mixtral:
                """
                {model_type: mixtral, hidden_size: 16, intermediate_size: 12, num_hidden_layers: 4, num_attention_heads: 4, \
                num_key_value_heads: 2, vocab_size: 61, max_position_embeddings: 32, rms_norm_eps: 1.0e-5, \
                rope_theta: 10000.0, num_local_experts: 4, num_experts_per_tok: 2, output_router_logits: true, \
                router_aux_loss_coef: 0.02, tie_word_embeddings: false}
                """
            case .gpt2:
                """
                {model_type: gpt2, n_embd: 16, n_layer: 4, n_head: 4, vocab_size: 61, n_positions: 32, \
                layer_norm_epsilon: 1.0e-5}
                """
            }
        }
    }

    let scratch: Scratch
    let recipe: String

    init(_ form: Form = .tied) throws {
        scratch = try Scratch()
        // Lengths differ, so that micro-batches weigh differently; some tokens are not trained.
        let lines = (0..<24).map { line in
            let ids = (0..<[16, 16, 12, 9][line % 4]).map { ($0 * 7 + line * 13 + $0 * $0 * line) % 61 }
            let labels = ids.enumerated().map { ($0 + line) % 5 == 0 ? -100 : $1 }
            return "{\"input_ids\": \(ids), \"labels\": \(labels)}\n"
        }
        let data = try scratch.write("train.jsonl", lines.joined())
        recipe = try scratch.write(
            "recipe.yaml",
            """
            name: tiny
            seed: 7
            model: {config: \(form.config), precision: float64}
            trainer: {name: pretrain}
            optimizer: {name: adamw, lr: 3.0e-3, weight_decay: 0.1}
            scheduler: {name: constant, warmup_steps: 2}
            data: {loader: {name: jsonl, shuffle: false}, train: [\(data)]}
            batch: {size: 8, micro: 2}
            sequence: {length: 16}
            steps: 6
            clip_grad_norm: 1.0
            checkpoint: {every: 3}
            """)
    }

    /// Preferences of different lengths; the path of their file.
    func writePairs() throws -> String {
        let pairs = (0..<16).map { line -> String in
            func ids(_ count: Int, _ step: Int) -> [Int] { (0..<count).map { ($0 * step + line * 5) % 61 } }
            let (prompt, chosen, rejected) = (ids(1 + line % 4, 7), ids(2 + line % 5, 3), ids(1 + line % 6, 11))
            return "{\"prompt_ids\": \(prompt), \"chosen_ids\": \(chosen), \"rejected_ids\": \(rejected)}\n"
        }
        return try scratch.write("pairs.jsonl", pairs.joined())
    }

    /// Trains over ranks that are processes of their own; one rank needs no launcher.
    func train(_ directory: String, ranks: Int = 1, layout: String = "{}", _ overrides: String...) throws -> Executable.Outcome {
        let arguments = ["train", recipe, "parallel=\(layout)", "--run-dir", scratch.path(directory)] + overrides
        if ranks == 1 { return try Executable.run(arguments) }
        return try Executable.shell(
            "exec mpirun --allow-run-as-root --oversubscribe --mca btl self,vader --mca mpi_yield_when_idle 1 -n \(ranks) "
                + "\"$0\" \"$@\"", arguments)
    }

    /// Losses and gradient norms of a run, in turn.
    func figures(_ directory: String) throws -> [Double] {
        try scratch.text(directory + "/metrics.jsonl").split(separator: "\n").flatMap { line -> [Double] in
            let values = try JSONValue(parsing: String(line))
            return [values["loss"]?.double ?? .nan, values["grad_norm"]?.double ?? .nan]
        }
    }
}

/// The largest relative difference; infinite when there are not equally many.
func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
    a.count != b.count || a.isEmpty ? .infinity : zip(a, b).map { abs($0 - $1) / max(abs($1), 1e-30) }.max() ?? .infinity
}
