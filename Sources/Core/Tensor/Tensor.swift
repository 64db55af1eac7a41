/// An array of numbers on a backend: a view, its runtime, and its place in a graph when gradients flow through it.
///
/// A tensor belongs to one rank's thread of control (it is not `Sendable`); what crosses threads is a host array.
public struct Tensor {
    public let view: BufferView
    public let runtime: Runtime
    /// The value's number in the `Graph` that recorded it; nil when no gradient flows through.
    package let slot: Int?

    public init(_ view: BufferView, _ runtime: Runtime) {
        self.init(view, runtime, slot: nil)
    }

    package init(_ view: BufferView, _ runtime: Runtime, slot: Int?) {
        self.view = view
        self.runtime = runtime
        self.slot = slot
    }

    public var shape: [Int] { view.shape }
    public var dtype: DType { view.dtype }
    public var dimCount: Int { view.dimCount }
    public var elementCount: Int { view.elementCount }
    /// Where the values lie: the name of the backend that holds them.
    public var device: String { runtime.backend.capabilities.name }

    /// The same values without a place in any graph.
    public var detached: Tensor { Tensor(view, runtime) }

    /// The same elements under another shape. Gradients flow through: a slot's gradient has no shape of its own.
    public func reshaped(to shape: [Int]) -> Tensor {
        Tensor(view.reshaped(to: shape), runtime, slot: slot)
    }

    /// A dense copy of the values, outside any graph; the tensor itself when it is dense already.
    public func contiguous() -> Tensor {
        if view.isContiguous { return detached }
        let copy = runtime.empty(shape, dtype)
        runtime.run(.copy(from: view, to: copy.view))
        return copy
    }

    /// The values in another element type, outside any graph.
    public func cast(to dtype: DType) -> Tensor {
        if dtype == self.dtype { return detached }
        let copy = runtime.empty(shape, dtype)
        runtime.run(.copy(from: view, to: copy.view))
        return copy
    }
}
