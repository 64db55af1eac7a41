/// Fused operations written with primitives: what a backend runs where it has no fused kernel, and the definition that
/// fused kernels are compared with.
struct Composition {
    let runtime: Runtime

    init(_ runtime: Runtime) { self.runtime = runtime }

    func run(_ operation: Operation) {
        switch operation {
        case .storedMap(let map): storedMap(map)
        case .quantizedMatmul(let product): quantizedMatmul(product)
        case .groupRows(let grouping): groupRows(grouping)
        case .groupedMatmul(let product): groupedMatmul(product)
        case .groupedOuterProduct(let product): groupedOuterProduct(product)
        case .rmsNorm(let norm): rmsNorm(norm)
        case .rmsNormBackward(let norm): normBackward(norm, centred: false)
        case .layerNorm(let norm): layerNorm(norm)
        case .layerNormBackward(let norm): normBackward(norm, centred: true)
        case .swiglu(let unit):
            runtime.run(.map(Activation.silu.gating, inputs: [unit.gate, unit.up], outputs: [unit.y], scalars: []))
        case .swigluBackward(let backward):
            runtime.run(
                .map(
                    Activation.silu.gatingGradient, inputs: [backward.gate, backward.up, backward.dy],
                    outputs: [backward.dgate, backward.dup], scalars: []))
        case .rotary(let rotary): self.rotary(rotary)
        case .attention(let attention): self.attention(attention)
        case .attentionBackward(let backward): attentionBackward(backward)
        case .cachedAttention(let attention): cachedAttention(attention)
        case .drawTokens(let draw): drawTokens(draw)
        case .tokenScores(let scoring): tokenScores(scoring)
        case .tokenScoresBackward(let backward): tokenScoresBackward(backward)
        case .fill, .copy, .map, .sum, .matmul, .gather, .scatterAdd, .scatter, .random, .round:
            preconditionFailure("'\(operation.name)' is a primitive: every backend must support it")
        }
    }

    /// [N] seen as a value per row, [N, 1].
    func column(_ view: BufferView) -> BufferView {
        BufferView(
            buffer: view.buffer, offset: view.offset, shape: view.shape + [1], strides: view.strides + [0],
            dtype: view.dtype)
    }
}
