/// The components of a tokenizer.json.
struct TokenizerParts {
    let normalizer: Normalizer
    let preTokenizer: PreTokenizer
    let model: BytePairModel
    let postProcessor: PostProcessor
    let decoder: TokenDecoder
    let addedTokens: [AddedToken]
    /// How added tokens are spelled in normalized text, for those that are looked for there.
    let spellings: [Int32: String]
    let vocabulary: Vocabulary

    init(_ json: JSON) throws(TokenizerError) {
        normalizer = try Normalizer(json["normalizer"], "normalizer")
        preTokenizer = try PreTokenizer(json["pre_tokenizer"], "pre_tokenizer")
        postProcessor = try PostProcessor(json["post_processor"], "post_processor")
        decoder = try TokenDecoder(json["decoder"], "decoder")
        addedTokens = try TokenizerParts.addedTokens(json["added_tokens"])
        let normalizer = normalizer
        let state = Pattern.State()
        // What is looked for in normalized text is spelled, and decoded, as normalized.
        spellings = Dictionary(
            addedTokens.filter(\.isNormalized).map { token in
                var content = token.content
                return (token.id, content.withUTF8 { normalizer.normalized($0, using: state) } ?? token.content)
            }, uniquingKeysWith: { $1 })
        guard let modelJSON = json["model"] else { throw Component.missing("model", "an object") }
        let tokens = try TokenizerParts.vocabulary(modelJSON)
        model = try BytePairModel(modelJSON, tokens: tokens, isByteLevel: preTokenizer.isByteLevel)
        vocabulary = Vocabulary(
            tokens + addedTokens.map { ($0.content, $0.id) }, special: addedTokens.filter(\.isSpecial).map(\.id),
            respelled: spellings, decoder: decoder)
    }

    private static func addedTokens(_ json: JSON?) throws(TokenizerError) -> [AddedToken] {
        var tokens: [AddedToken] = []
        for (index, token) in (json?.array ?? []).enumerated() {
            guard let id = token["id"]?.id, id < maximumID, let content = token["content"]?.string else {
                throw Component.missing("added_tokens[\(index)]", "an object with id and content")
            }
            func flag(_ key: String) -> Bool { token[key]?.bool ?? false }
            tokens.append(
                AddedToken(
                    id: id, content: content, isSpecial: flag("special"), isSingleWord: flag("single_word"),
                    stripsLeft: flag("lstrip"), stripsRight: flag("rstrip"),
                    isNormalized: token["normalized"]?.bool ?? !flag("special")))
        }
        return tokens
    }

    /// Larger ids are taken for damage; tables are as long as the largest id.
    private static let maximumID: Int32 = 1 << 24

    private static func vocabulary(_ model: JSON) throws(TokenizerError) -> [(spelling: String, id: Int32)] {
        guard let members = model["vocab"]?.members else { throw Component.missing("model.vocab", "an object") }
        var tokens: [(spelling: String, id: Int32)] = []
        tokens.reserveCapacity(members.count)
        for member in members {
            guard let id = member.value.id, id < maximumID else {
                throw Component.missing("model.vocab[\"\(member.key)\"]", "a whole number below \(maximumID)")
            }
            tokens.append((member.key, id))
        }
        return tokens
    }
}
