// N scored positions, C width, V vocabulary

/// The head and the scores by blocks of positions and of the vocabulary, forward and backward.
///
/// The head is read once, and its gradient written once, for 2048 positions. What backward needs of the first blocks'
/// logits stays in memory as far as it may; the others are computed again, to the same bits.
final class HeadPass {
    private let runtime: Runtime
    /// [N, C]
    private let hidden: Tensor
    /// [V, C], or the rows of it that this rank holds.
    private let head: Parameter
    /// V
    private let vocabulary: Int
    private let exchange: any LayerExchange
    /// [N] int32
    private let targets: Tensor
    private let temperature: Double
    private let softcap: Double?
    private let keptBytes: Int
    private var kept: Storage?

    /// The vocabulary is cut at multiples of this, whatever N, so that a position's sums are added in one order.
    private static let vocabularyBlock = 2048
    /// The most positions at once. With a block of the vocabulary: 16 MiB of float32.
    private static let positionBlock = 2048
    /// Rows of a block are this many numbers longer, since rows a power of two apart share few places in a cache.
    private static let padding = 32

    private struct Block {
        let number: Int
        let positions: Range<Int>
        /// Rows of the head that this rank holds.
        let tokens: Range<Int>
    }

    /// Room for the logits of several blocks, or for their weights.
    private struct Storage {
        /// [K, rows, columns]
        let values: Tensor
        /// [K, rows], unused beside logits
        let tops: Tensor

        /// A block's part; nil where there is no room for it.
        subscript(number: Int, block: Block) -> LogitWeights? {
            if number >= values.shape[0] { return nil }
            func cut(_ tensor: Tensor) -> BufferView {
                let one = tensor.view.sliced(dim: 0, number..<number + 1).reshaped(to: Array(tensor.shape.dropFirst()))
                return one.sliced(dim: 0, 0..<block.positions.count)
            }
            return LogitWeights(values: cut(values).sliced(dim: 1, 0..<block.tokens.count), tops: cut(tops))
        }
    }

    init(
        _ runtime: Runtime, hidden: Tensor, head: Parameter, vocabulary: Int, exchange: any LayerExchange,
        targets: Tensor, temperature: Double, softcap: Double?, keptBytes: Int
    ) {
        (self.runtime, self.hidden, self.head, self.targets) = (runtime, hidden, head, targets)
        (self.vocabulary, self.exchange) = (vocabulary, exchange)
        (self.temperature, self.softcap, self.keptBytes) = (temperature, softcap, keptBytes)
    }

    private var count: Int { hidden.shape[0] }
    /// The first row of the whole head that this rank holds.
    private var firstToken: Int { exchange.vocabulary(vocabulary).lowerBound }
    /// Logits, sums and scores: float32 or wider.
    private var wide: DType { hidden.dtype == .bfloat16 ? .float32 : hidden.dtype }
    /// Whether logits pass to backward as weights in the type of the positions, in half the memory. The slope of a
    /// soft-cap takes more digits.
    private var storesWeights: Bool { hidden.dtype != wide && softcap == nil }

    /// Log-probability, log-sum-exp, mean log-probability and entropy, [N] each.
    func forward() -> [Tensor] {
        let partial = runtime.empty([LogitSums.start.count, count], wide)
        let sums = partial.view
        for (row, value) in zip(LogitSums.views(of: sums), LogitSums.start) { runtime.run(.fill(row, value: value)) }
        let type = storesWeights ? hidden.dtype : wide
        let blockBytes = spaceShape.reduce(type.byteCount, *)
        kept = storage(
            min((storesWeights ? keptBytes : keptBytes / 2) / max(blockBytes, 1), blocks.count), type)
        let passing = storage(1, wide)
        for block in blocks {
            let own = kept?[block.number, block]
            guard let logits = (storesWeights ? nil : own?.values) ?? passing[0, block]?.values else { continue }
            multiply(block, into: logits)
            runtime.run(
                .tokenScores(
                    TokenScoring(
                        block: describe(block, logits), sums: sums.sliced(dim: 1, block.positions),
                        weights: storesWeights ? own : nil)))
        }
        let rows = LogitSums.views(of: exchange.merged(partial).view)
        let outputs = (0..<4).map { _ in runtime.empty([count], wide) }
        runtime.run(
            .map(
                LogitSums.scores(vocabulary: vocabulary), inputs: rows + [targets.view], outputs: outputs.map(\.view),
                scalars: []))
        return outputs
    }

    /// Adds to the head's gradient and returns that of the positions, summed in float32 or wider and rounded once.
    /// - Parameters:
    ///   - gradients: of the four outputs of `forward`; nil = 0.
    ///   - wantsHidden: whether the positions' gradient is wanted.
    func backward(_ gradients: [Tensor?], logSumExp: Tensor, entropy: Tensor, wantsHidden: Bool) -> Tensor? {
        // Where a rank has no rows of the head, no block writes it.
        let isEmpty = head.shape[0] == 0
        let dhidden = !wantsHidden ? nil : isEmpty ? runtime.zeros(hidden.shape, wide) : runtime.empty(hidden.shape, wide)
        let room = (kept?.values.shape[0] ?? 0) < blocks.count ? 1 : 0
        let passing = storage(room, wide)
        let narrow = hidden.dtype == wide ? passing : storage(storesWeights ? room : 1, hidden.dtype)
        for block in blocks {
            func cut(_ tensor: Tensor) -> BufferView { tensor.view.sliced(dim: 0, block.positions) }
            guard let known = kept?[block.number, block] ?? again(block, passing, narrow),
                let dlogits = storesWeights || hidden.dtype == wide ? known.values : narrow[0, block]?.values
            else { continue }
            let parts = gradients.map { $0.map(cut) }
            runtime.run(
                .tokenScoresBackward(
                    TokenScoringBackward(
                        block: describe(block, known.values), tops: storesWeights ? known.tops : nil,
                        logSumExp: cut(logSumExp), entropy: cut(entropy), dLogProb: parts[0], dLogSumExp: parts[1],
                        dMeanLogProb: parts[2], dEntropy: parts[3], dlogits: dlogits)))
            if let dhead = head.gradient {
                runtime.run(
                    .matmul(
                        Matmul(
                            dlogits.transposed(0, 1), cut(hidden), into: dhead.view.sliced(dim: 0, block.tokens),
                            alpha: 1 / temperature, beta: 1)))
            }
            if let dhidden {
                runtime.run(
                    .matmul(
                        Matmul(
                            dlogits, head.compute.view.sliced(dim: 0, block.tokens), into: cut(dhidden),
                            alpha: 1 / temperature, beta: block.tokens.lowerBound == 0 ? 0 : 1)))
            }
        }
        kept = nil
        return dhidden?.cast(to: hidden.dtype)
    }

    /// What did not stay of a block, computed again.
    private func again(_ block: Block, _ passing: Storage, _ narrow: Storage) -> LogitWeights? {
        guard let logits = passing[0, block] else { return nil }
        multiply(block, into: logits.values)
        guard storesWeights, let weights = narrow[0, block] else { return logits }
        runtime.run(
            .tokenScores(TokenScoring(block: describe(block, logits.values), sums: nil, weights: weights)))
        return weights
    }

    private func multiply(_ block: Block, into logits: BufferView) {
        let weights = head.compute.view.sliced(dim: 0, block.tokens).transposed(0, 1)
        let rows = hidden.view.sliced(dim: 0, block.positions)
        runtime.run(.matmul(Matmul(rows, weights, into: logits, alpha: 1 / temperature)))
    }

    private func describe(_ block: Block, _ logits: BufferView) -> LogitBlock {
        LogitBlock(
            logits: logits, first: firstToken + block.tokens.lowerBound, vocabulary: vocabulary,
            targets: targets.view.sliced(dim: 0, block.positions), softcap: softcap)
    }

    private func storage(_ blockCount: Int, _ type: DType) -> Storage {
        Storage(
            values: runtime.empty([blockCount] + spaceShape, type),
            tops: runtime.empty([blockCount, spaceShape[0]], wide))
    }

    /// Into how many parts of about one size the positions are cut.
    private var parts: Int { (count + HeadPass.positionBlock - 1) / HeadPass.positionBlock }

    /// Positions outermost.
    private var blocks: [Block] {
        let firsts = Array(stride(from: 0, to: head.shape[0], by: HeadPass.vocabularyBlock))
        return (0..<parts * firsts.count).map { number in
            let (part, first) = (number / firsts.count, firsts[number % firsts.count])
            return Block(
                number: number, positions: count * part / parts..<count * (part + 1) / parts,
                tokens: first..<min(first + HeadPass.vocabularyBlock, head.shape[0]))
        }
    }

    /// Of the memory for one block.
    private var spaceShape: [Int] {
        let rows = parts == 0 ? 0 : (count + parts - 1) / parts
        return [rows, min(head.shape[0], HeadPass.vocabularyBlock) + HeadPass.padding]
    }
}
