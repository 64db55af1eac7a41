import Foundation

/// What tokenizer_config.json, special_tokens_map.json and chat_template.jinja say about a tokenizer.
public struct TokenizerConfiguration: Sendable, Equatable {
    /// The token that ends a text or a turn.
    public var eosToken: String?
    /// The token that starts a text.
    public var bosToken: String?
    /// The token that fills up a batch.
    public var padToken: String?
    /// The token that stands for what has no token.
    public var unknownToken: String?
    /// The chat template (Jinja), as it stands in the file.
    public var chatTemplate: String?

    /// A configuration with the given tokens.
    public init(
        eosToken: String? = nil, bosToken: String? = nil, padToken: String? = nil, unknownToken: String? = nil,
        chatTemplate: String? = nil
    ) {
        self.eosToken = eosToken
        self.bosToken = bosToken
        self.padToken = padToken
        self.unknownToken = unknownToken
        self.chatTemplate = chatTemplate
    }

    /// Reads the files that are there; tokenizer_config.json goes before special_tokens_map.json, and
    /// chat_template.jinja before both.
    init(files: [String: Data]) throws(TokenizerError) {
        let sources = [
            try TokenizerFiles.json("tokenizer_config.json", in: files),
            try TokenizerFiles.json("special_tokens_map.json", in: files),
        ].compactMap(\.self)
        func token(_ key: String) -> String? {
            // A token is its text, or an object with flags and the text as "content".
            sources.lazy.compactMap { $0[key]?.string ?? $0[key]?["content"]?.string }.first
        }
        self.init(
            eosToken: token("eos_token"), bosToken: token("bos_token"), padToken: token("pad_token"),
            unknownToken: token("unk_token"), chatTemplate: sources.first?["chat_template"]?.defaultTemplate)
        chatTemplate = try TokenizerFiles.text("chat_template.jinja", in: files) ?? chatTemplate
    }

    /// The contents of a tokenizer_config.json that says the same.
    func serialized() -> Data {
        let tokens = [
            ("bos_token", bosToken), ("eos_token", eosToken), ("pad_token", padToken), ("unk_token", unknownToken),
            ("chat_template", chatTemplate),
        ]
        var members = tokens.compactMap { key, value in value.map { JSON.Member(key: key, value: .string($0)) } }
        members.append(JSON.Member(key: "clean_up_tokenization_spaces", value: .bool(false)))
        members.append(JSON.Member(key: "tokenizer_class", value: .string("PreTrainedTokenizerFast")))
        return JSON.object(members).serialized()
    }
}

extension JSON {
    /// A template is its text, or a list of named ones of which the one called "default" counts.
    fileprivate var defaultTemplate: String? {
        string ?? array?.first { $0["name"]?.string == "default" }?["template"]?.string
    }
}
