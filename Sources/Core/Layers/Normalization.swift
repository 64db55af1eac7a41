/// The norm that a configuration asks for.
public enum Normalization {
    case rms(RMSNorm)
    case layer(LayerNorm)

    public enum Kind: String, Sendable, Hashable {
        case rms, layer
    }

    public static func specs(_ kind: Kind, _ name: String, block: String, width: Int) -> [ParameterSpec] {
        switch kind {
        case .rms: RMSNorm.specs(name, block: block, width: width)
        case .layer: LayerNorm.specs(name, block: block, width: width)
        }
    }

    public init(_ kind: Kind, _ name: String, epsilon: Double, from parameters: ParameterStore) {
        switch kind {
        case .rms: self = .rms(RMSNorm(name, epsilon: epsilon, from: parameters))
        case .layer: self = .layer(LayerNorm(name, epsilon: epsilon, from: parameters))
        }
    }

    /// x [..., C]; result of the same shape.
    public func callAsFunction(_ graph: Graph, _ x: Tensor) -> Tensor {
        switch self {
        case .rms(let norm): norm(graph, x)
        case .layer(let norm): norm(graph, x)
        }
    }

    /// The norm and x itself, see `Graph.normAndInput`.
    public func withInput(_ graph: Graph, _ x: Tensor) -> (norm: Tensor, input: Tensor) {
        switch self {
        case .rms(let norm): norm.withInput(graph, x)
        case .layer(let norm): norm.withInput(graph, x)
        }
    }
}
