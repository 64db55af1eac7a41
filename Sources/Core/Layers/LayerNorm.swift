// C width

/// y = (x - mean) / sqrt(var + epsilon) * weight + bias over the last dim (Ba et al. 2016, arXiv 1607.06450, eq. 3).
public struct LayerNorm {
    /// [C]
    public let weight: Parameter
    /// [C]
    public let bias: Parameter
    public let epsilon: Double

    public static func specs(_ name: String, block: String, width: Int) -> [ParameterSpec] {
        [
            ParameterSpec(name + ".weight", [width], block: block, initializer: .ones, placement: .replicated),
            ParameterSpec(name + ".bias", [width], block: block, initializer: .zeros, placement: .replicated),
        ]
    }

    public init(_ name: String, epsilon: Double, from parameters: ParameterStore) {
        weight = parameters[name + ".weight"]
        bias = parameters[name + ".bias"]
        self.epsilon = epsilon
    }

    /// x [..., C]; result of the same shape.
    public func callAsFunction(_ graph: Graph, _ x: Tensor) -> Tensor {
        graph.layerNorm(x, weight, bias, epsilon: epsilon)
    }

    /// The norm and x itself, see `Graph.normAndInput`.
    public func withInput(_ graph: Graph, _ x: Tensor) -> (norm: Tensor, input: Tensor) {
        graph.normAndInput(x, weight, bias: bias, epsilon: epsilon)
    }
}
