extension ModelDirectory {
    /// Compares what is stored with what a model needs.
    ///
    /// Buffers that carry no weights (rotary frequencies, causal masks), an output head that is tied to the embedding,
    /// and a missing or additional "transformer." or "model." prefix are no differences.
    /// - Parameter expected: name and shape of every parameter.
    /// - Throws: `WeightsError` with all missing, unexpected and wrongly shaped tensors at once.
    public func check(_ expected: [(name: String, shape: [Int])]) throws {
        var problems: [String] = []
        var used: Set<String> = []
        for (name, shape) in expected {
            guard let stored = storedName(name) else {
                problems.append("missing: '\(name)' \(shape)")
                continue
            }
            used.insert(stored)
            let found = try self.shape(of: name)
            if found != shape { problems.append("wrong shape: '\(name)' is \(found), expected \(shape)") }
        }
        for name in tensorNames where !used.contains(name) && !isIgnorable(name) {
            problems.append("unexpected: '\(name)' \(try shape(of: name))")
        }
        guard problems.isEmpty else {
            throw WeightsError(
                "loading the weights of '\(path)'", problems,
                hint: "config.json must describe the model that the tensors belong to")
        }
    }

    private func isIgnorable(_ name: String) -> Bool {
        if name == "lm_head.weight" { return tiesEmbeddings != false }
        let buffers = [
            "rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias",
        ]
        return buffers.contains { name.hasSuffix($0) }
    }
}
