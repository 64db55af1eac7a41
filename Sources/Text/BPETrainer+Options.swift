extension BPETrainer.Options {
    func validate() throws(TokenizerError) {
        var problems: [String] = []
        let least = 256 + specialTokens.count
        if vocabularySize < least {
            problems.append("a vocabulary size of \(vocabularySize) is below \(least) (256 bytes and special tokens)")
        }
        if minFrequency < 0 { problems.append("a minimum frequency of \(minFrequency) is negative") }
        if specialTokens.contains("") { problems.append("a special token is empty") }
        let repeated = Set(specialTokens.filter { token in specialTokens.count { $0 == token } > 1 })
        for token in repeated.sorted() { problems.append("the special token \(token) is given twice") }
        let named = [
            configuration.eosToken, configuration.bosToken, configuration.padToken, configuration.unknownToken,
        ]
        for token in Set(named.compactMap(\.self)).subtracting(specialTokens).sorted() {
            problems.append("the configuration names \(token), which is no special token")
        }
        if problems.isEmpty { return }
        throw TokenizerError(
            .invalidArgument, "training a tokenizer cannot start: \(problems.joined(separator: "; "))",
            hint: "mend the options")
    }

    /// The `pre_tokenizer` of the tokenizer.json.
    var preTokenizer: JSON {
        let byteLevel: JSON = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
        ]
        if !splitDigits { return byteLevel }
        return ["type": "Sequence", "pretokenizers": [["type": "Digits", "individual_digits": true], byteLevel]]
    }

    /// The tokenizer.json of a trained vocabulary. Merges are written as "a b", which every version reads.
    func tokenizer(vocabulary: [String], merges: [(first: Int32, second: Int32)]) -> JSON {
        [
            "version": "1.0",
            "truncation": nil,
            "padding": nil,
            "added_tokens": .array(
                specialTokens.enumerated().map { id, token in
                    [
                        "id": .number(Double(id)), "content": .string(token), "single_word": false, "lstrip": false,
                        "rstrip": false, "normalized": false, "special": true,
                    ]
                }),
            "normalizer": nil,
            "pre_tokenizer": preTokenizer,
            "post_processor": nil,
            "decoder": ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true],
            "model": [
                "type": "BPE",
                "dropout": nil,
                "unk_token": nil,
                "continuing_subword_prefix": nil,
                "end_of_word_suffix": nil,
                "fuse_unk": false,
                "byte_fallback": false,
                "ignore_merges": false,
                "vocab": .object(
                    vocabulary.enumerated().map { JSON.Member(key: $1, value: .number(Double($0))) }),
                "merges": .array(
                    merges.map { .string(vocabulary[Int($0.first)] + " " + vocabulary[Int($0.second)]) }),
            ],
        ]
    }
}
