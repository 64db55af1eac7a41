// B batch, T tokens, S keys, H heads, K key/value heads, D head size, C width, F hidden features, N rows, V vocabulary

/// c = alpha * a b + beta * c over the last two dims; leading dims are batch dims and equal in all three (stride 0 in a
/// and b repeats). 2 * batch * M * N * K FLOPs. Transposition is a matter of strides. beta = 0 ignores what c held.
public struct Matmul {
    /// [..., M, K]
    public var a: BufferView
    /// [..., K, N]
    public var b: BufferView
    /// [..., M, N], last stride 1
    public var c: BufferView
    public var alpha: Double
    public var beta: Double

    public init(_ a: BufferView, _ b: BufferView, into c: BufferView, alpha: Double = 1, beta: Double = 0) {
        let n = c.dimCount
        precondition(
            n >= 2 && a.dimCount == n && b.dimCount == n && a.shape[n - 1] == b.shape[n - 2]
                && a.shape[n - 2] == c.shape[n - 2] && b.shape[n - 1] == c.shape[n - 1]
                && a.shape.dropLast(2) == c.shape.dropLast(2) && b.shape.dropLast(2) == c.shape.dropLast(2),
            "matmul: \(a.shape) times \(b.shape) does not give \(c.shape)")
        (self.a, self.b, self.c, self.alpha, self.beta) = (a, b, c, alpha, beta)
    }
}

/// A normalisation of rows.
public struct Norm {
    /// [N, C]
    public var x: BufferView
    /// [C]
    public var weight: BufferView
    /// [C]; layer norm only
    public var bias: BufferView?
    /// [N, C]
    public var y: BufferView
    /// [N] 1/rms or 1/std, kept for backward; float32 or wider
    public var inverse: BufferView
    /// [N] the mean, layer norm only
    public var mean: BufferView?
    public var epsilon: Double
}

/// Gradients of a normalisation: dx is written, with `addend` added, dweight and dbias are added to.
public struct NormBackward {
    public var x: BufferView
    public var weight: BufferView
    public var inverse: BufferView
    public var mean: BufferView?
    /// [N, C]
    public var dy: BufferView
    /// [N, C]; nil when not wanted
    public var dx: BufferView?
    /// [N, C] what dx is added to, the gradient that reached x on another way; nil = 0
    public var addend: BufferView?
    /// [C]; nil when frozen
    public var dweight: BufferView?
    /// [C]; nil when absent or frozen
    public var dbias: BufferView?
}

/// y = gate * sigmoid(gate) * up, by element (SwiGLU; Shazeer 2020, arXiv 2002.05202, eq. 6).
public struct Swiglu {
    /// [N, F], here and below
    public var gate: BufferView
    public var up: BufferView
    public var y: BufferView
}

/// Gradients of `Swiglu`; both are written. With s = sigmoid(gate): dup = dy gate s, dgate = dy up (s + gate s (1 - s)).
public struct SwigluBackward {
    /// [N, F], here and below
    public var gate: BufferView
    public var up: BufferView
    public var dy: BufferView
    public var dgate: BufferView
    public var dup: BufferView
}

/// Rotates pairs (x[d], x[d + R/2]) of the first R dims of each head by the angle of the token's position ("half-split"
/// order, as Hugging Face stores it); dims from R on are copied. RoFormer, Su et al. 2021, arXiv 2104.09864, eq. 34.
public struct Rotary {
    /// [B, T, H, D]; last stride 1
    public var x: BufferView
    /// [B, T, H, D]; may be `x` itself
    public var y: BufferView
    /// [P, R/2] cosines and sines by position
    public var cosine: BufferView
    public var sine: BufferView
    /// [B, T] int32, the row of the tables for each token
    public var positions: BufferView
    /// Rotates backwards: the gradient of the rotation.
    public var inverse: Bool
}

/// out = softmax(scale * q k^T over visible keys) v. Query t of sequence b has the absolute key index
/// i = queryStart[b] + t and sees key j when firstKey <= j <= i, where firstKey is the largest of 0, i - window + 1 and
/// documentStart[b, t]. Head h reads key/value head h / (H / K). A query that sees no key has out = 0 and
/// logSumExp = -infinity.
public struct Attention {
    /// [B, T, H, D]; last stride 1 here and below
    public var q: BufferView
    /// [B, S, K, D]
    public var k: BufferView
    /// [B, S, K, D]
    public var v: BufferView
    /// [B, T, H, D]
    public var out: BufferView
    /// [B, H, T] log of the sum of exponentials of the scaled scores, kept for backward; float32 or wider
    public var logSumExp: BufferView
    public var scale: Double
    /// How many latest keys are seen; nil = all.
    public var window: Int?
    /// [B] int32; nil = S - T for every sequence
    public var queryStart: BufferView?
    /// [B, T] int32; nil = 0
    public var documentStart: BufferView?
}

/// Gradients of attention; all three are written (dk and dv summed over the queries and heads that read them).
///
/// `forward.out` and `forward.logSumExp` may be those over more keys than `forward.k` has: the gradients are then what
/// these keys add (FlashAttention-2, Dao 2023, arXiv 2307.08691, algorithm 2).
public struct AttentionBackward {
    public var forward: Attention
    /// [B, T, H, D]
    public var dout: BufferView
    public var dq: BufferView
    public var dk: BufferView
    public var dv: BufferView

    public init(forward: Attention, dout: BufferView, dq: BufferView, dk: BufferView, dv: BufferView) {
        (self.forward, self.dout, self.dq, self.dk, self.dv) = (forward, dout, dq, dk, dv)
    }
}

/// Logits z of N rows for a block of the vocabulary; soft-capping makes them z = cap * tanh(z / cap) before all else.
public struct LogitBlock {
    /// [N, V'] float32 or wider: tokens `first` ..< `first + V'`
    public var logits: BufferView
    public var first: Int
    /// How many tokens there are in all blocks.
    public var vocabulary: Int
    /// [N] int32; negative = none
    public var targets: BufferView
    public var softcap: Double?
}

/// A block's logits z in another form, of which fewer digits are enough: the largest of a row is exactly 1.
public struct LogitWeights {
    /// [N, V'], e^(z - top)
    public var values: BufferView
    /// [N] float32 or wider, the largest logit of each row of the block
    public var tops: BufferView
}

/// Takes a block of the vocabulary into running sums of rows; after the last block, `LogitSums` gives the scores.
public struct TokenScoring {
    public var block: LogitBlock
    /// [5, N], updated: the rows of `LogitSums`; nil = only the weights are wanted
    public var sums: BufferView?
    /// Written too, where logits have no soft-cap.
    public var weights: LogitWeights?
}

/// Gradients of the scores with regard to a block of logits:
/// dz = g_p (onehot - s) + g_l s + g_m (1/V - s) - g_h s (log s + entropy), s = softmax(z), times the soft-cap's slope.
public struct TokenScoringBackward {
    /// Its `logits` hold the weights instead where there are tops.
    public var block: LogitBlock
    /// [N], see `LogitWeights`; nil = `block` holds logits
    public var tops: BufferView?
    /// [N] of the whole rows, here and below
    public var logSumExp: BufferView
    public var entropy: BufferView
    /// nil = 0, here and below
    public var dLogProb: BufferView?
    public var dLogSumExp: BufferView?
    public var dMeanLogProb: BufferView?
    public var dEntropy: BufferView?
    /// [N, V'], written; may be the logits themselves
    public var dlogits: BufferView
}
