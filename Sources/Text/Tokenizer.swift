public import Foundation
import Synchronization

/// A tokenizer in the form of Hugging Face's tokenizer.json: text to token ids and back.
///
/// Byte-level BPE (GPT-2, Llama 3, Qwen, SmolLM) and byte-fallback BPE (Llama 2) load; ids equal those of the
/// reference implementation. Settings for truncation and padding in the file belong to a caller and are not used.
/// One tokenizer serves any number of threads at once.
public final class Tokenizer: Sendable {
    /// The names of the special tokens and the chat template, from the files beside tokenizer.json.
    public let configuration: TokenizerConfiguration
    let vocabulary: Vocabulary
    let decoder: TokenDecoder
    /// The files that `save(to:)` writes, by name.
    let files: [String: Data]
    private let rawTokens: AddedTokenMatcher
    private let normalizedTokens: AddedTokenMatcher
    private let normalizer: Normalizer
    private let preTokenizer: PreTokenizer
    private let model: BytePairModel
    let postProcessor: PostProcessor
    private let workspaces = Mutex<[Workspace]>([])

    /// Loads a tokenizer from a tokenizer.json, or from the directory that holds one.
    ///
    /// tokenizer_config.json, special_tokens_map.json and chat_template.jinja beside it are read when present.
    /// - Throws: `TokenizerError`: `missingFile`, `malformedFile`, or `unsupportedComponent` for a kind of tokenizer
    ///   that does not load here.
    public convenience init(contentsOf url: URL) throws {
        try self.init(files: TokenizerFiles.read(from: url))
    }

    /// Loads a tokenizer from the contents of its files.
    /// - Parameter files: contents by name; tokenizer.json must be among them.
    /// - Throws: as `init(contentsOf:)`.
    public init(files: [String: Data]) throws {
        self.files = files
        configuration = try TokenizerConfiguration(files: files)
        let parts = try TokenizerParts(try TokenizerFiles.json("tokenizer.json", in: files) ?? .null)
        vocabulary = parts.vocabulary
        decoder = parts.decoder
        normalizer = parts.normalizer
        preTokenizer = parts.preTokenizer
        model = parts.model
        postProcessor = parts.postProcessor
        rawTokens = AddedTokenMatcher(parts.addedTokens.filter { !$0.isNormalized }) { $0.content }
        normalizedTokens = AddedTokenMatcher(parts.addedTokens.filter(\.isNormalized)) {
            parts.spellings[$0.id] ?? $0.content
        }
    }

    /// The largest id plus one, added tokens included: the least number of rows that an embedding needs.
    public var vocabularySize: Int { vocabulary.count }

    /// The id of a token spelled as in tokenizer.json, where U+0120 stands for a space,, nil when there is none.
    public func id(of token: String) -> Int32? { vocabulary.id(of: token) }

    /// The spelling of a token in tokenizer.json, nil when the id is free.
    public func token(of id: Int32) -> String? { vocabulary.token(of: id) }

    /// Whether an id is that of a special token, which `decode` can leave out.
    public func isSpecial(_ id: Int32) -> Bool { vocabulary.isSpecial(id) }

    /// The id that ends a text or a turn; nil when no file names one that the vocabulary has.
    public var eosTokenID: Int32? { configuration.eosToken.flatMap(id(of:)) }
    /// The id that starts a text; nil when no file names one that the vocabulary has.
    public var bosTokenID: Int32? { configuration.bosToken.flatMap(id(of:)) }
    /// The id that fills up a batch; nil when no file names one that the vocabulary has.
    public var padTokenID: Int32? { configuration.padToken.flatMap(id(of:)) }
    /// The id that stands for what has no token; nil when no file names one that the vocabulary has.
    public var unknownTokenID: Int32? { configuration.unknownToken.flatMap(id(of:)) }

    /// The token ids of a text.
    ///
    /// Special and added tokens spelled out in the text become their ids.
    /// - Parameter addSpecialTokens: whether the file's post-processor adds its tokens (such as Llama's
    ///   <|begin_of_text|>) before and behind.
    public func encode(_ text: String, addSpecialTokens: Bool = true) -> [Int32] {
        var ids = addSpecialTokens ? postProcessor.prefix : []
        ids.reserveCapacity(text.utf8.count / 3)
        let workspace = workspaces.withLock { $0.popLast() } ?? Workspace()
        var text = text
        text.withUTF8 { text in
            rawTokens.forEachSegment(of: text) { range, token in
                if let token { return ids.append(token.id) }
                let segment = UnsafeBufferPointer(rebasing: text[range])
                if var normalized = normalizer.normalized(segment, using: workspace.patternState) {
                    normalized.withUTF8 { encodeNormalized($0, with: workspace, into: &ids) }
                } else {
                    encodeNormalized(segment, with: workspace, into: &ids)
                }
            }
        }
        workspaces.withLock { $0.append(workspace) }
        if addSpecialTokens { ids += postProcessor.suffix }
        return ids
    }

    private func encodeNormalized(
        _ text: UnsafeBufferPointer<UInt8>, with workspace: Workspace, into ids: inout [Int32]
    ) {
        normalizedTokens.forEachSegment(of: text) { range, token in
            if let token { return ids.append(token.id) }
            let segment = UnsafeBufferPointer(rebasing: text[range])
            preTokenizer.forEachPiece(of: segment, using: workspace.patternState) { piece in
                workspace.pieces.encode(piece, with: model, into: &ids)
            }
        }
    }

    /// The text of some token ids; bytes that are not UTF-8 become U+FFFD, ids without a token nothing.
    /// - Parameter skipSpecialTokens: whether special tokens are left out.
    public func decode(_ ids: some Sequence<Int32>, skipSpecialTokens: Bool = false) -> String {
        var stream = StreamDecoder(self, skipSpecialTokens: skipSpecialTokens)
        for id in ids { stream.take(id) }
        return stream.finish()
    }
}
