/// The parameters of one block and optimizer group in one flat buffer, with their gradients in another.
///
/// Optimizers, norms, reductions, shards and checkpoints work on ranges of these buffers. Elements between parameters
/// and after the last are 0 in both, so sums over whole buffers need no mask.
public final class Arena {
    /// Offsets of parameters and arena sizes are multiples of this many elements: shards can be cut at them, and a block
    /// of 8-bit states never holds numbers of two parameters.
    public static let shardAlignment = QuantizedBlocks.blockSize

    /// A parameter's place.
    public struct Entry: Sendable, Hashable {
        public let name: String
        /// What this rank holds of it.
        public let part: ParameterPart
        /// The shape of the whole parameter.
        public let wholeShape: [Int]
        /// Its elements in the flat buffers.
        public let range: Range<Int>

        /// The shape of what this rank holds.
        public var shape: [Int] { part.shape }
    }

    /// The block of the model, see `ParameterSpec.block`.
    public let block: String
    /// The optimizer group; nil = frozen.
    public let group: Int?
    /// Parameters in the order of their ranges.
    public let entries: [Entry]
    /// Master weights, [elementCount].
    public let weights: Tensor
    /// Gradients in the masters' type, [elementCount]; nil when frozen.
    public let gradients: Tensor?
    /// The weights in the compute type, [elementCount]; nil when the masters have it already.
    public let compute: Tensor?

    public var dtype: DType { weights.dtype }
    public var elementCount: Int { weights.elementCount }

    /// Lays out parts of parameters in order; all values are 0.
    init(_ parts: [(spec: ParameterSpec, part: ParameterPart)], _ runtime: Runtime, block: String, group: Int?, precision: Precision) {
        var end = 0
        entries = parts.map { spec, part in
            let start = Arena.roundUp(end, to: Arena.shardAlignment)
            end = start + part.elementCount
            return Entry(name: spec.name, part: part, wholeShape: spec.shape, range: start..<end)
        }
        let count = Arena.roundUp(end, to: Arena.shardAlignment)
        self.block = block
        self.group = group
        // Nothing updates frozen weights, so they need no master beside what layers read.
        let dtype = group == nil ? precision.compute : precision.master
        weights = runtime.zeros([count], dtype)
        gradients = group == nil ? nil : runtime.zeros([count], dtype)
        compute = dtype == precision.compute ? nil : runtime.zeros([count], precision.compute)
    }

    /// Named views of the entries, in order.
    func makeParameters() -> [Parameter] {
        entries.map { entry in
            func view(_ flat: Tensor) -> Tensor {
                Tensor(flat.view.sliced(dim: 0, entry.range).reshaped(to: entry.shape), flat.runtime)
            }
            return Parameter(
                name: entry.name, value: view(weights), gradient: gradients.map(view), compute: compute.map(view))
        }
    }

    /// Sets all gradients to 0.
    public func zeroGradients() {
        if let gradients { gradients.runtime.run(.fill(gradients.view, value: 0)) }
    }

    /// Copies the masters into the compute copy, if there is one.
    public func refreshCompute() {
        if let compute { compute.runtime.run(.copy(from: weights.view, to: compute.view)) }
    }

    private static func roundUp(_ count: Int, to multiple: Int) -> Int {
        (count + multiple - 1) / multiple * multiple
    }
}
