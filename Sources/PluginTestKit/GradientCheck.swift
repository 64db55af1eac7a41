public import Core
internal import Random

/// Runs a case on a backend, and compares its gradients with central differences of its outputs.
///
/// A vector-Jacobian product is checked in one random direction: <tangent, vjp(cotangent)> against
/// <(f(x + h tangent) - f(x - h tangent)) / 2h, cotangent>, which costs the same at any size.
public struct GradientCheck {
    public let operation: GradientCheckCase
    private let runtime: Runtime
    private let dtype: DType
    private let inputs: [Tensor]
    private let parameters: [Parameter]

    /// Inputs and parameters are drawn by position, so they are the same on every backend.
    public init(_ operation: GradientCheckCase, _ runtime: Runtime, _ dtype: DType) {
        self.operation = operation
        self.runtime = runtime
        self.dtype = dtype
        inputs = operation.inputs.enumerated().map { index, shape in
            runtime.tensor(GradientCheck.normals("input \(index)", shape), shape, dtype)
        }
        parameters = operation.parameters.enumerated().map { index, shape in
            Parameter(
                name: "parameter \(index)",
                value: runtime.tensor(GradientCheck.normals("parameter \(index)", shape), shape, dtype),
                gradient: runtime.zeros(shape, dtype))
        }
    }

    /// Outputs, then gradients of inputs and parameters for fixed random cotangents.
    public struct Result {
        public var outputs: [[Double]]
        public var gradients: [[Double]]
    }

    /// Runs the operation forward and backward.
    /// - Parameter deferringWeights: whether weight gradients are computed after everything else.
    public func run(deferringWeights: Bool = false) -> Result {
        for parameter in parameters {
            if let gradient = parameter.gradient { runtime.run(.fill(gradient.view, value: 0)) }
        }
        let graph = Graph(runtime, recording: true)
        let leaves = inputs.map { graph.leaf($0) }
        let outputs = operation.body(graph, leaves, parameters)
        let seeds = outputs.enumerated().map { index, output in
            (output, gradient: runtime.tensor(cotangent(index, output), output.shape, output.dtype))
        }
        for compute in graph.backward(from: seeds, deferringWeights: deferringWeights) { compute() }
        let inputGradients = leaves.map { leaf in
            graph.gradient(of: leaf)?.doubles() ?? [Double](repeating: 0, count: leaf.elementCount)
        }
        return Result(
            outputs: outputs.map { $0.doubles() },
            gradients: inputGradients + parameters.map { $0.gradient?.doubles() ?? [] })
    }

    /// The largest difference between slopes over inputs and parameters, relative where slopes exceed 1.
    public func worstSlopeError(step: Double) -> Double {
        let gradients = run().gradients
        let tensors = inputs + parameters.map(\.value)
        return zip(tensors, gradients).enumerated().map { index, pair in
            let (tensor, gradient) = pair
            let tangent = GradientCheck.normals("tangent \(index)", tensor.shape)
            let numeric = (projection(moving: tensor, along: tangent, by: step)
                - projection(moving: tensor, along: tangent, by: -step)) / (2 * step)
            let analytic = zip(tangent, gradient).reduce(0) { $0 + $1.0 * $1.1 }
            return abs(numeric - analytic) / max(1, abs(numeric))
        }.max() ?? 0
    }

    /// <outputs, cotangents> with one tensor moved.
    private func projection(moving tensor: Tensor, along tangent: [Double], by step: Double) -> Double {
        let values = tensor.doubles()
        func set(_ new: [Double]) {
            runtime.run(.copy(from: runtime.tensor(new, tensor.shape).view, to: tensor.view))
        }
        set(zip(values, tangent).map { $0 + step * $1 })
        defer { set(values) }
        let outputs = operation.body(Graph(runtime, recording: false), inputs, parameters)
        return outputs.enumerated().reduce(0) { total, output in
            let products = zip(output.element.doubles(), cotangent(output.offset, output.element))
            return total + products.reduce(0) { $0 + $1.0 * $1.1 }
        }
    }

    private func cotangent(_ index: Int, _ output: Tensor) -> [Double] {
        GradientCheck.normals("cotangent \(index)", output.shape)
    }

    private static func normals(_ stream: String, _ shape: [Int]) -> [Double] {
        let source = Philox(seed: 17, stream: stream)
        return (0..<shape.reduce(1, *)).map { source.normal(at: UInt64($0)) }
    }
}

/// Checks an operation's gradients against its slopes on the reference backend, in float64.
/// - Throws: `ContractViolation` with the difference that was found.
public func checkGradients(_ operation: GradientCheckCase, tolerance: Double = 1e-5) throws {
    let error = GradientCheck(operation, Runtime(ReferenceBackend()), .float64).worstSlopeError(step: 1e-5)
    // A NaN is a violation too.
    let problem = "\(operation.name): gradients differ from slopes by \(error), expected at most \(tolerance)"
    try ContractViolation.check(error <= tolerance ? [] : [problem])
}
