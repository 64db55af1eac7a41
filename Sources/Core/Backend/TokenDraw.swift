// N rows, V vocabulary

/// One token drawn from each row of logits.
///
/// In this order: logits of seen tokens are made smaller by the penalty, all are divided by the temperature, top-k, top-p
/// and min-p leave tokens out, and the uniform number picks one of the rest in proportion to its probability. Equal logits
/// are ordered by token. Each row is drawn for itself.
public struct TokenDraw {
    /// [N, V] float32 or wider; undefined afterwards
    public var logits: BufferView
    /// [N]
    public var rows: [Row]
    /// [N] int32: the drawn tokens
    public var ids: BufferView
    /// [N] float32 or wider: their log-probabilities under the distribution that they were drawn from; at temperature 0
    /// under that of the (penalised) logits as they are.
    public var logProbs: BufferView

    /// What one row is drawn by.
    public struct Row: Sendable, Hashable {
        /// 0 = the likeliest token.
        public var temperature: Double
        /// Only so many likeliest tokens; nil = all.
        public var topK: Int?
        /// Only the likeliest tokens that together reach this share of what top-k left; nil = all.
        public var topP: Double?
        /// Only tokens at least this times as likely as the likeliest; nil = all.
        public var minP: Double?
        /// Positive logits of seen tokens are divided by it and negative ones multiplied (Keskar et al. 2019, arXiv
        /// 1909.05858, section 4.1); 1 = none.
        public var repetitionPenalty: Double
        /// The tokens that the penalty is for, each once.
        public var seen: [Int32]
        /// In [0, 1).
        public var uniform: Double

        public init(
            temperature: Double, topK: Int? = nil, topP: Double? = nil, minP: Double? = nil,
            repetitionPenalty: Double = 1, seen: [Int32] = [], uniform: Double
        ) {
            self.temperature = temperature
            self.topK = topK
            self.topP = topP
            self.minP = minP
            self.repetitionPenalty = repetitionPenalty
            self.seen = seen
            self.uniform = uniform
        }
    }

    public init(logits: BufferView, rows: [Row], ids: BufferView, logProbs: BufferView) {
        precondition(
            logits.dimCount == 2 && rows.count == logits.shape[0] && logits.shape[1] > 0
                && ids.shape == [rows.count] && logProbs.shape == [rows.count],
            "draw: \(rows.count) rows of settings, logits \(logits.shape), ids \(ids.shape)")
        (self.logits, self.rows, self.ids, self.logProbs) = (logits, rows, ids, logProbs)
    }
}
