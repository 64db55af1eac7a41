/// Everything that distinguishes one decoder-only transformer from another.
///
/// A model family's plugin makes one from a config.json; defaults are those of llama.
public struct DecoderConfiguration: Sendable, Hashable {
    // MARK: sizes

    public var vocabularySize: Int
    /// C, the width of the residual stream.
    public var width: Int
    /// Features inside the feed-forward layers.
    public var mlpWidth: Int
    public var headCount: Int
    public var keyValueHeadCount: Int
    public var headSize: Int
    /// The longest sequence the model has positions for.
    public var positionCount: Int
    /// One entry a block.
    public var layers: [Layer]

    // MARK: form

    public var norm: Normalization.Kind = .rms
    public var normEpsilon: Double = 1e-6
    public var positions: Positions
    public var activation: Activation = .silu
    /// Whether feed-forward layers have a gate.
    public var isGated = true
    public var mlpHasBias = false
    public var queryKeyValueHasBias = false
    /// Whether attention's output projection has a bias.
    public var outputHasBias = false
    /// Whether each head's queries and keys pass an RMS norm before the rotation.
    public var normalizesQueriesAndKeys = false
    /// Whether q, k and v are one projection.
    public var fusesQueryKeyValue = false
    /// Whether projections are stored [in, out].
    public var storesTransposed = false
    /// Whether the head is the embedding.
    public var isTied = false
    /// Whether scores are divided by the square root of the head size.
    public var scalesScores = true
    /// Whether scores are divided by the layer's number, counted from 1, too.
    public var scalesScoresByLayer = false

    // MARK: initialisation and names

    /// Deviation of new weights.
    public var initializerRange: Double = 0.02
    /// Whether projections into the residual stream start smaller by sqrt(2 * layers) (Radford et al. 2019,
    /// section 2.3).
    public var scalesResidualInitializer = false
    public var names: DecoderNames = .llama
    /// Sentences on settings of the file that have no effect, for the log.
    public var notices: [String] = []

    public init(
        vocabularySize: Int, width: Int, mlpWidth: Int, headCount: Int, keyValueHeadCount: Int, headSize: Int,
        positionCount: Int, positions: Positions, layers: [Layer]
    ) {
        self.vocabularySize = vocabularySize
        self.width = width
        self.mlpWidth = mlpWidth
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headSize = headSize
        self.positionCount = positionCount
        self.positions = positions
        self.layers = layers
    }

    /// What may differ from block to block.
    public struct Layer: Sendable, Hashable {
        /// How many latest keys attention sees; nil = all.
        public var window: Int?
        /// Whether queries and keys are rotated (where the model is rotary).
        public var rotates: Bool

        public init(window: Int? = nil, rotates: Bool = true) {
            self.window = window
            self.rotates = rotates
        }
    }

    /// How a token's place is told to the model.
    public enum Positions: Sendable, Hashable {
        case rotary(Rope)
        /// A table of `positionCount` vectors that is added to the embeddings.
        case learned
    }

    /// The name of the arena block of layer `index`.
    public static func blockName(_ index: Int) -> String { "layers.\(index)" }

    /// The name of the output embedding's parameter: the embedding itself when tied.
    public var headName: String { (isTied ? names.embedding : names.head) + ".weight" }

    /// What attention scores are multiplied by.
    func attentionScale(layer: Int) -> Double {
        let scale = scalesScores ? 1 / Double(headSize).squareRoot() : 1
        return scalesScoresByLayer ? scale / Double(layer + 1) : scale
    }

    /// - Parameter residual: whether the weight writes into the residual stream.
    func initializer(residual: Bool = false) -> Initializer {
        let divisor = residual && scalesResidualInitializer ? Double(2 * layers.count).squareRoot() : 1
        return .normal(standardDeviation: initializerRange / divisor)
    }
}
