// B batch, T tokens, I inputs, O outputs

/// y = x W^T + b, with W stored [O, I], or [I, O] when `isTransposed` (GPT-2's Conv1D).
public struct Linear {
    public let weight: Parameter
    /// [O]
    public let bias: Parameter?
    public let isTransposed: Bool

    /// The parameters of a layer that maps `inputs` to `outputs` features.
    /// - Parameters:
    ///   - role: how it is divided.
    ///   - unit: features that stay together where it is divided: outputs of `.columns`, inputs of `.rows`.
    ///   - sections: see `Placement.sections`.
    ///   - sharesUnits: see `Placement.sharesUnits`.
    public static func specs(
        _ name: String, block: String, inputs: Int, outputs: Int, hasBias: Bool, isTransposed: Bool = false,
        initializer: Initializer, role: Placement.Role, unit: Int = 1, sections: [Int] = [], sharesUnits: Bool = false
    ) -> [ParameterSpec] {
        let dim = (role == .rows) == isTransposed ? 0 : 1
        let weight = ParameterSpec(
            name + ".weight", isTransposed ? [inputs, outputs] : [outputs, inputs], block: block,
            initializer: initializer,
            placement: Placement(role, dim: dim, unit: unit, sections: sections, sharesUnits: sharesUnits))
        // The outputs of a layer that is cut by rows are sums over ranks, to which the bias is added once.
        let bias = ParameterSpec(
            name + ".bias", [outputs], block: block, initializer: .zeros,
            placement: role == .rows
                ? .replicated : Placement(role, unit: unit, sections: sections, sharesUnits: sharesUnits))
        return hasBias ? [weight, bias] : [weight]
    }

    /// The layer made of the parameters declared under `name`; it has a bias when one was declared.
    public init(_ name: String, isTransposed: Bool = false, from parameters: ParameterStore) {
        weight = parameters[name + ".weight"]
        bias = parameters.find(name + ".bias")
        self.isTransposed = isTransposed
    }

    /// O of what this rank holds.
    public var outputCount: Int { weight.shape[isTransposed ? 1 : 0] }

    /// x [..., I]; result [..., O].
    public func callAsFunction(_ graph: Graph, _ x: Tensor) -> Tensor {
        graph.linear(x, weight, bias: bias, isTransposed: isTransposed)
    }
}
