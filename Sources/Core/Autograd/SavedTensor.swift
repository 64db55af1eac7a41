/// A value that backward will read: kept, or computed again when it is asked for.
///
/// Outputs of cheap operations (norms, activations) are most of what a step would keep; they are functions of what the
/// operations keep themselves, and the second computation gives the same bits.
public struct SavedTensor {
    private let shape: [Int]
    private let value: () -> Tensor

    init(_ tensor: Tensor) {
        shape = tensor.shape
        value = { tensor }
    }

    init(shape: [Int], _ value: @escaping () -> Tensor) {
        self.shape = shape
        self.value = value
    }

    /// The values, outside any graph.
    public func callAsFunction() -> Tensor { value().reshaped(to: shape).detached }
}

/// Computes the outputs of an operation again, once for all who ask.
final class Remaker {
    private let make: () -> [Tensor]
    private var made: [Tensor]?

    init(_ make: @escaping () -> [Tensor]) { self.make = make }

    func output(_ number: Int) -> Tensor {
        let tensors = made ?? make()
        made = tensors
        return tensors[number]
    }

    func forget() { made = nil }
}
