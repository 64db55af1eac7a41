/// One object with a `type` of a tokenizer.json, and the errors that name it by its path in the file.
struct Component {
    let json: JSON
    let path: String
    let type: String

    init(_ json: JSON, _ path: String) throws(TokenizerError) {
        self.json = json
        self.path = path
        guard let type = json["type"]?.string else { throw Component.missing("\(path).type", "the component's name") }
        self.type = type
    }

    static func missing(_ path: String, _ expected: String) -> TokenizerError {
        TokenizerError(
            .malformedFile, "\(path) of tokenizer.json is missing or of another type; expected \(expected)",
            hint: "compare with a tokenizer.json that Hugging Face tokenizers has written")
    }

    func unsupported(_ supported: [String]) -> TokenizerError {
        TokenizerError(
            .unsupportedComponent,
            "\(path) of tokenizer.json has the type \(type); supported here: \(supported.joined(separator: ", "))",
            hint: "byte-level BPE tokenizers (GPT-2, Llama 3, Qwen, SmolLM) and Llama 2's byte-fallback BPE load")
    }

    func list(_ key: String) throws(TokenizerError) -> [JSON] {
        guard let list = json[key]?.array else { throw Component.missing("\(path).\(key)", "a list") }
        return list
    }

    func text(_ key: String) throws(TokenizerError) -> String {
        guard let text = json[key]?.string else { throw Component.missing("\(path).\(key)", "a string") }
        return text
    }

    /// The member `pattern`: {"Regex": expression} or {"String": literal}.
    func pattern() throws(TokenizerError) -> Pattern {
        if let expression = json["pattern"]?["Regex"]?.string { return try Pattern(expression) }
        if let literal = json["pattern"]?["String"]?.string { return try Pattern(literal, isLiteral: true) }
        throw Component.missing("\(path).pattern", "{\"Regex\": ...} or {\"String\": ...}")
    }

    /// The member `behavior`, Isolated when absent.
    func behavior() throws(TokenizerError) -> PreTokenizer.Behavior {
        guard let name = json["behavior"]?.string else { return .isolated }
        guard let behavior = PreTokenizer.Behavior(rawValue: name) else {
            let known = PreTokenizer.Behavior.allCases.map(\.rawValue).joined(separator: ", ")
            throw Component.missing("\(path).behavior", "one of \(known)")
        }
        return behavior
    }
}
