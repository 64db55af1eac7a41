/// A named weight: a view into its arena, with the gradient's view beside it when it is trained.
public final class Parameter {
    /// The name under which Hugging Face directories store it.
    public let name: String
    /// The master values, which the optimizer updates; `compute` where ranks divide the masters.
    public let value: Tensor
    /// Where gradients accumulate, in the master's element type; nil when frozen.
    public let gradient: Tensor?
    /// What layers read: `value` itself, or its copy in the compute type (refreshed after each update).
    public let compute: Tensor

    /// - Parameters:
    ///   - name: the Hugging Face name.
    ///   - value: master values.
    ///   - gradient: same shape and type as `value`; nil = frozen.
    ///   - compute: copy in the compute type; nil = `value` is read.
    public init(name: String, value: Tensor, gradient: Tensor?, compute: Tensor? = nil) {
        precondition(gradient.map { $0.shape == value.shape } ?? true, "parameter \(name): gradient of another shape")
        self.name = name
        self.value = value
        self.gradient = gradient
        self.compute = compute ?? value
    }

    public var shape: [Int] { value.shape }
    public var isTrained: Bool { gradient != nil }

    /// Copies the master values into the compute copy, if there is one.
    public func refreshCompute() {
        if compute.view.buffer !== value.view.buffer {
            value.runtime.run(.copy(from: value.view, to: compute.view))
        }
    }
}
