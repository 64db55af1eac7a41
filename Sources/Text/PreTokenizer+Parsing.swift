extension PreTokenizer {
    /// GPT-2's split: contractions, letters, digits, other symbols, spaces (each with at most one leading space).
    static let gpt2Pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    /// Reads the `pre_tokenizer` of a tokenizer.json; nil means that the text stays whole.
    init(_ json: JSON?, _ path: String) throws(TokenizerError) {
        var stages: [Stage] = []
        var isByteLevel = false
        try PreTokenizer.append(json, path, to: &stages, &isByteLevel)
        self.init(stages: stages, isByteLevel: isByteLevel)
    }

    private static func append(
        _ json: JSON?, _ path: String, to stages: inout [Stage], _ isByteLevel: inout Bool
    ) throws(TokenizerError) {
        guard let json else { return }
        if isByteLevel {
            throw TokenizerError(
                .unsupportedComponent, "\(path) follows a ByteLevel pre-tokenizer, which must be the last",
                hint: "move ByteLevel to the end of the sequence")
        }
        let component = try Component(json, path)
        switch component.type {
        case "Sequence":
            for (index, element) in try component.list("pretokenizers").enumerated() {
                try append(element, "\(path).pretokenizers[\(index)]", to: &stages, &isByteLevel)
            }
        case "ByteLevel":
            if json["add_prefix_space"]?.bool ?? true { stages.append(.prefixSpace) }
            if json["use_regex"]?.bool ?? true {
                stages.append(.split(try Pattern(gpt2Pattern), .isolated, inverted: false))
            }
            isByteLevel = true
        case "Digits":
            let isIndividual = json["individual_digits"]?.bool ?? false
            stages.append(.split(try Pattern(isIndividual ? #"\p{N}"# : #"\p{N}+"#), .isolated, inverted: false))
        case "Split":
            stages.append(
                .split(try component.pattern(), try component.behavior(), inverted: json["invert"]?.bool ?? false))
        case "Punctuation":
            stages.append(.split(try Pattern("[[:punct:]]"), try component.behavior(), inverted: false))
        case "Whitespace":
            // Words have decimal digits but no other numbers here, unlike `\w` of a pattern.
            let word = #"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}"#
            stages.append(.split(try Pattern("[\(word)]+|[^\(word)\\s]+"), .removed, inverted: true))
        case "WhitespaceSplit":
            stages.append(.split(try Pattern(#"\s+"#), .removed, inverted: false))
        default:
            throw component.unsupported([
                "ByteLevel", "Digits", "Punctuation", "Sequence", "Split", "Whitespace", "WhitespaceSplit",
            ])
        }
    }
}
