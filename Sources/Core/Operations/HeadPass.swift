// N scored positions, C width, V vocabulary

/// The head and the scores by blocks of positions and of the vocabulary, forward and backward.
///
/// The head is read once, and its gradient written once, for 2048 positions.
struct HeadPass {
    let runtime: Runtime
    /// [N, C]
    let hidden: Tensor
    /// [V, C], or the rows of it that this rank holds.
    let head: Parameter
    /// V
    let vocabulary: Int
    let exchange: any LayerExchange
    /// [N] int32
    let targets: Tensor
    let temperature: Double
    let softcap: Double?

    /// The vocabulary is cut at multiples of this, whatever N, so that a position's sums are added in one order.
    private static let vocabularyBlock = 2048
    /// The most positions at once. With a block of the vocabulary: 16 MiB of float32.
    private static let positionBlock = 2048
    /// Rows of a block are this many numbers longer, since rows a power of two apart share few places in a cache.
    private static let padding = 32

    private var count: Int { hidden.shape[0] }
    /// The first row of the whole head that this rank holds.
    private var firstToken: Int { exchange.vocabulary(vocabulary).lowerBound }
    /// Logits, sums and scores: float32 or wider.
    private var wide: DType { hidden.dtype == .bfloat16 ? .float32 : hidden.dtype }

    /// Log-probability, log-sum-exp, mean log-probability and entropy, [N] each.
    func forward() -> [Tensor] {
        let partial = runtime.empty([LogitSums.start.count, count], wide)
        let sums = partial.view
        for (row, value) in zip(LogitSums.views(of: sums), LogitSums.start) { runtime.run(.fill(row, value: value)) }
        eachBlock { positions, block in
            runtime.run(.tokenScores(TokenScoring(block: block, sums: sums.sliced(dim: 1, positions))))
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
        let narrow = hidden.dtype == wide ? nil : workspace(hidden.dtype)
        eachBlock { positions, block in
            let dlogits = narrow.map { part(of: $0, block.logits.shape) } ?? block.logits
            func cut(_ tensor: Tensor) -> BufferView { tensor.view.sliced(dim: 0, positions) }
            let parts = gradients.map { $0.map(cut) }
            runtime.run(
                .tokenScoresBackward(
                    TokenScoringBackward(
                        block: block, logSumExp: cut(logSumExp), entropy: cut(entropy), dLogProb: parts[0],
                        dLogSumExp: parts[1], dMeanLogProb: parts[2], dEntropy: parts[3], dlogits: dlogits)))
            let first = block.first - firstToken
            let tokens = first..<first + dlogits.shape[1]
            if let dhead = head.gradient {
                runtime.run(
                    .matmul(
                        Matmul(
                            dlogits.transposed(0, 1), cut(hidden), into: dhead.view.sliced(dim: 0, tokens),
                            alpha: 1 / temperature, beta: 1)))
            }
            if let dhidden {
                runtime.run(
                    .matmul(
                        Matmul(
                            dlogits, head.compute.view.sliced(dim: 0, tokens), into: cut(dhidden),
                            alpha: 1 / temperature, beta: first == 0 ? 0 : 1)))
            }
        }
        return dhidden?.cast(to: hidden.dtype)
    }

    /// Calls `body` with the logits of each block, positions outermost. The memory of the logits serves all blocks.
    private func eachBlock(_ body: (_ positions: Range<Int>, _ block: LogitBlock) -> Void) {
        let space = workspace(wide)
        for part in 0..<parts {
            let positions = count * part / parts..<count * (part + 1) / parts
            let rows = hidden.view.sliced(dim: 0, positions)
            for first in stride(from: 0, to: head.shape[0], by: HeadPass.vocabularyBlock) {
                let tokens = first..<min(first + HeadPass.vocabularyBlock, head.shape[0])
                let logits = self.part(of: space, [positions.count, tokens.count])
                let weights = head.compute.view.sliced(dim: 0, tokens)
                runtime.run(.matmul(Matmul(rows, weights.transposed(0, 1), into: logits, alpha: 1 / temperature)))
                body(
                    positions,
                    LogitBlock(
                        logits: logits, first: firstToken + first, vocabulary: vocabulary,
                        targets: targets.view.sliced(dim: 0, positions), softcap: softcap))
            }
        }
    }

    /// Into how many parts of about one size the positions are cut.
    private var parts: Int { (count + HeadPass.positionBlock - 1) / HeadPass.positionBlock }

    /// Memory for a block of logits.
    private func workspace(_ dtype: DType) -> Tensor {
        let rows = parts == 0 ? 0 : (count + parts - 1) / parts
        return runtime.empty([rows, min(head.shape[0], HeadPass.vocabularyBlock) + HeadPass.padding], dtype)
    }

    private func part(of space: Tensor, _ shape: [Int]) -> BufferView {
        space.view.sliced(dim: 0, 0..<shape[0]).sliced(dim: 1, 0..<shape[1])
    }
}
