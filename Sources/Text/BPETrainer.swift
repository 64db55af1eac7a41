/// Learns a byte-level BPE vocabulary from text and makes a tokenizer of it.
///
/// Merges equal those of the trainer in Hugging Face's tokenizers when that one gets the same pre-tokenizer and the
/// whole byte alphabet to start from: the most frequent pair first, and of equally frequent ones the pair with the
/// smaller ids.
public struct BPETrainer {
    /// What to learn.
    public struct Options: Sendable {
        /// Tokens in all: special tokens, 256 bytes and merges. Less come out when the text has no more pairs.
        public var vocabularySize: Int
        /// Tokens found in text as they stand and never merged into; they get the first ids, in this order.
        public var specialTokens: [String]
        /// Whether every digit is a piece of its own, so that numbers are read digit by digit.
        public var splitDigits: Bool
        /// Pairs less frequent than this are not merged.
        public var minFrequency: Int
        /// Which tokens end, start and fill texts; written to tokenizer_config.json.
        public var configuration: TokenizerConfiguration

        /// Options with the tokens of the ChatML form, of which <|endoftext|> ends and fills texts.
        public init(
            vocabularySize: Int, specialTokens: [String] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
            splitDigits: Bool = false, minFrequency: Int = 0,
            configuration: TokenizerConfiguration = TokenizerConfiguration(
                eosToken: "<|endoftext|>", padToken: "<|endoftext|>")
        ) {
            self.vocabularySize = vocabularySize
            self.specialTokens = specialTokens
            self.splitDigits = splitDigits
            self.minFrequency = minFrequency
            self.configuration = configuration
        }
    }

    let options: Options
    private let preTokenizer: PreTokenizer
    /// From each distinct piece of the text so far to its index in `counts`.
    private var pieces = ByteMap(minimumCapacity: 1 << 14)
    private var counts: [Int] = []
    private let patternState = Pattern.State()

    /// Checks the options.
    /// - Throws: `TokenizerError` (`invalidArgument`) that names every wrong option.
    public init(_ options: Options) throws {
        try options.validate()
        self.options = options
        preTokenizer = try PreTokenizer(options.preTokenizer, "pre_tokenizer")
    }

    /// Counts the pieces of one more document; pieces do not reach across documents.
    public mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { text in
            preTokenizer.forEachPiece(of: text, using: patternState) { piece in
                let (index, hash) = pieces.find(piece)
                if let index {
                    counts[index] += 1
                } else {
                    pieces.insert(piece, hash: hash, value: counts.count)
                    counts.append(1)
                }
            }
        }
    }

    /// Learns the merges and returns the tokenizer; `Tokenizer.save(to:)` writes it.
    public func train() throws -> Tokenizer {
        var learner = PairLearner(specialTokens: options.specialTokens)
        pieces.forEach { piece, index in learner.add(piece, count: counts[index]) }
        learner.learn(vocabularySize: options.vocabularySize, minFrequency: options.minFrequency)
        let json = options.tokenizer(vocabulary: learner.tokens, merges: learner.merges)
        return try Tokenizer(files: [
            "tokenizer.json": json.serialized(),
            "tokenizer_config.json": options.configuration.serialized(),
        ])
    }
}
