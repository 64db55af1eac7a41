/// A stretch of text that is trained on or only read.
public struct TextSegment: Sendable, Equatable {
    /// The text, control tokens spelled out.
    public var text: String
    /// Whether the loss counts its tokens.
    public var isTrained: Bool

    /// A stretch of text.
    public init(_ text: String, isTrained: Bool) {
        self.text = text
        self.isTrained = isTrained
    }
}

/// Token ids, each with whether the loss counts it as a target.
public struct MaskedTokens: Sendable, Equatable {
    /// The token ids.
    public var ids: [Int32]
    /// For each id whether it is trained; as long as `ids`.
    public var isTrained: [Bool]

    /// Token ids with their mask.
    public init(ids: [Int32], isTrained: [Bool]) {
        precondition(ids.count == isTrained.count, "\(ids.count) ids but \(isTrained.count) mask entries")
        self.ids = ids
        self.isTrained = isTrained
    }
}

extension Tokenizer {
    /// The token ids of stretches of text, with the mask.
    ///
    /// Neighbours with one flag are encoded as one text; where the flag changes, a token ends. What is trained so
    /// starts with the token that generation would start with after the same prompt.
    /// - Parameter addSpecialTokens: as in `encode`; the tokens before the text are not trained, those behind it are
    ///   when the last segment is.
    public func encode(_ segments: [TextSegment], addSpecialTokens: Bool = false) -> MaskedTokens {
        var joined: [TextSegment] = []
        for segment in segments where !segment.text.isEmpty {
            if let last = joined.last, last.isTrained == segment.isTrained {
                joined[joined.count - 1].text += segment.text
            } else {
                joined.append(segment)
            }
        }
        var tokens = MaskedTokens(ids: [], isTrained: [])
        func append(_ ids: [Int32], _ isTrained: Bool) {
            tokens.ids += ids
            tokens.isTrained += repeatElement(isTrained, count: ids.count)
        }
        if addSpecialTokens { append(postProcessor.prefix, false) }
        for segment in joined { append(encode(segment.text, addSpecialTokens: false), segment.isTrained) }
        if addSpecialTokens { append(postProcessor.suffix, joined.last?.isTrained ?? false) }
        return tokens
    }
}
