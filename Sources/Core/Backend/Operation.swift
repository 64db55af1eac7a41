// B batch, T tokens, S keys, H heads, K key/value heads, D head size, C width, N rows, V vocabulary

public import Random

/// One piece of work for a backend, as data.
///
/// The primitives are the small set that every backend supports for every floating element type it allocates; the
/// fused operations are faster forms of compositions of them (`Composition`).
public enum Operation {
    // MARK: primitives

    /// Every element of the view becomes `value`.
    case fill(BufferView, value: Double)
    /// Element by element between views of one shape: strided, broadcast source, any element types (rounding to nearest
    /// even; to integers by truncation).
    case copy(from: BufferView, to: BufferView)
    /// A straight-line program over elements or rows. Every view has the same leading dims; a last dim of 1 beside
    /// longer rows is a value per row. Outputs may be the very views that are inputs (in place), never partly overlap.
    case map(Program, inputs: [BufferView], outputs: [BufferView], scalars: [Double])
    /// output (+)= sum of input over the dims in which `output` has size 1; same number of dims.
    case sum(BufferView, into: BufferView, accumulate: Bool)
    /// A matrix product, possibly batched.
    case matmul(Matmul)
    /// output[n, :] = table[indices[n], :]; table [V, C], indices [N] int32, output [N, C]. A negative index gives zeros.
    case gather(table: BufferView, indices: BufferView, output: BufferView)
    /// table[indices[n], :] += source[n, :], in order of n so that the result does not depend on threads. A negative
    /// index adds nothing.
    case scatterAdd(source: BufferView, indices: BufferView, table: BufferView)
    /// table[indices[n], :] = source[n, :] for indices that differ. A negative index stores nothing.
    case scatter(source: BufferView, indices: BufferView, table: BufferView)
    /// Element i (row-major) of the contiguous view becomes number `first + i` of the source, uniform in [0, 1).
    case random(Philox, first: UInt64, BufferView)
    /// Element i (row-major) of the dense bfloat16 view `to` becomes element i of a view of its shape, in float32,
    /// rounded away from zero when the 16 bits that are dropped plus `halfWord(at: first + i)` reach 2^16, else towards
    /// zero: right on average, where rounding to nearest would lose every change below half a step.
    case round(BufferView, to: BufferView, Philox, first: UInt64)

    // MARK: fused

    /// An elementwise program over flat arrays of codes, or of bfloat16 to be rounded at random.
    case storedMap(StoredMap)
    /// A product with frozen weights in 8 or 4 bits.
    case quantizedMatmul(QuantizedMatmul)
    /// y = x / rms(x) * weight, by row.
    case rmsNorm(Norm)
    case rmsNormBackward(NormBackward)
    /// y = (x - mean(x)) / std(x) * weight + bias, by row.
    case layerNorm(Norm)
    case layerNormBackward(NormBackward)
    /// y = gate * sigmoid(gate) * up.
    case swiglu(Swiglu)
    case swigluBackward(SwigluBackward)
    /// Rotary position embedding.
    case rotary(Rotary)
    /// Softmax attention that never holds T x S scores for a whole head (except when composed).
    case attention(Attention)
    case attentionBackward(AttentionBackward)
    /// Attention over keys and values in the blocks of a cache.
    case cachedAttention(CachedAttention)
    /// What log-probability, log-sum-exp, mean log-probability and entropy of rows of logits are made of, a block of the
    /// vocabulary at a time.
    case tokenScores(TokenScoring)
    case tokenScoresBackward(TokenScoringBackward)
    /// One token drawn from each row of logits.
    case drawTokens(TokenDraw)

    /// Whether every backend must support the operation.
    public var isPrimitive: Bool {
        switch self {
        case .fill, .copy, .map, .sum, .matmul, .gather, .scatterAdd, .scatter, .random, .round: true
        default: false
        }
    }

    /// The operation's name in logs and profiles.
    public var name: String {
        switch self {
        case .fill: "fill"
        case .copy: "copy"
        case .map: "map"
        case .sum: "sum"
        case .matmul: "matmul"
        case .gather: "gather"
        case .scatterAdd: "scatter_add"
        case .scatter: "scatter"
        case .random: "random"
        case .round: "round"
        case .storedMap: "stored_map"
        case .quantizedMatmul: "quantized_matmul"
        case .rmsNorm: "rms_norm"
        case .rmsNormBackward: "rms_norm_backward"
        case .layerNorm: "layer_norm"
        case .layerNormBackward: "layer_norm_backward"
        case .swiglu: "swiglu"
        case .swigluBackward: "swiglu_backward"
        case .rotary: "rotary"
        case .attention: "attention"
        case .attentionBackward: "attention_backward"
        case .cachedAttention: "cached_attention"
        case .drawTokens: "draw_tokens"
        case .tokenScores: "token_scores"
        case .tokenScoresBackward: "token_scores_backward"
        }
    }
}
