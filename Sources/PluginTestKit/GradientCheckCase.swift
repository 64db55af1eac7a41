public import Core

/// An operation with the shapes of what it reads: run by the gradient check and by comparisons of backends.
public struct GradientCheckCase: Sendable {
    public let name: String
    public let inputs: [[Int]]
    public let parameters: [[Int]]
    public let body: @Sendable (Graph, [Tensor], [Parameter]) -> [Tensor]

    /// - Parameters:
    ///   - name: for messages.
    ///   - inputs: shapes of the tensors that `body` reads.
    ///   - parameters: shapes of the parameters that it reads.
    ///   - body: the operation; a function of its arguments only.
    public init(
        _ name: String, _ inputs: [[Int]], _ parameters: [[Int]] = [],
        _ body: @escaping @Sendable (Graph, [Tensor], [Parameter]) -> [Tensor]
    ) {
        self.name = name
        self.inputs = inputs
        self.parameters = parameters
        self.body = body
    }
}
