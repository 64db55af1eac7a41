/// The recipe of a scaffold: a tiny model from scratch and eight samples, so that the first step takes a second.
struct ScaffoldRecipe {
    private var sections: [(key: String, value: String)] = [
        ("name", "first"),
        ("model", "{config: \(ScaffoldRecipe.model("llama"))}"),
        ("trainer", "pretrain"),
        ("optimizer", "{name: adamw, lr: 1.0e-3}"),
        ("data", "{train: [train.jsonl]}"),
        ("sequence", "{length: 16}"),
        ("batch", "{size: 4, micro: 2}"),
        ("steps", "10"),
        ("plugins", "{paths: [.]}"),
    ]
    /// The data's file and its lines; nil when something else makes them.
    var data: (name: String, text: String)? = (
        "train.jsonl", (3..<11).map { "{\"input_ids\": [1, \($0), \($0 + 1), \($0 + 2), 2]}\n" }.joined()
    )
    /// What starts the training.
    var command = "forktail train recipe.yaml"

    init() {}

    /// The recipe with other values for some sections.
    init(_ changes: KeyValuePairs<String, String>) {
        for (key, value) in changes {
            if let place = sections.firstIndex(where: { $0.key == key }) {
                sections[place].value = value
            } else {
                sections.insert((key, value), at: sections.count - 1)
            }
        }
    }

    var text: String { sections.map { "\($0.key): \($0.value)\n" }.joined() }

    /// A config.json of two small layers.
    static func model(_ type: String) -> String {
        "{model_type: \(type), vocab_size: 32, hidden_size: 16, intermediate_size: 32, num_hidden_layers: 2, "
            + "num_attention_heads: 2, max_position_embeddings: 64, rms_norm_eps: 1.0e-5}"
    }
}
