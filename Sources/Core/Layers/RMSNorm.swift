// C width

/// y = x / sqrt(mean(x^2) + epsilon) * weight over the last dim (Zhang and Sennrich 2019, arXiv 1910.07467, eq. 4).
public struct RMSNorm {
    /// [C]
    public let weight: Parameter
    public let epsilon: Double

    public static func specs(
        _ name: String, block: String, width: Int, placement: Placement = .replicated
    ) -> [ParameterSpec] {
        [ParameterSpec(name + ".weight", [width], block: block, initializer: .ones, placement: placement)]
    }

    public init(_ name: String, epsilon: Double, from parameters: ParameterStore) {
        weight = parameters[name + ".weight"]
        self.epsilon = epsilon
    }

    /// x [..., C]; result of the same shape.
    public func callAsFunction(_ graph: Graph, _ x: Tensor) -> Tensor {
        graph.rmsNorm(x, weight, epsilon: epsilon)
    }

    /// The norm and x itself, see `Graph.normAndInput`.
    public func withInput(_ graph: Graph, _ x: Tensor) -> (norm: Tensor, input: Tensor) {
        graph.normAndInput(x, weight, epsilon: epsilon)
    }
}
