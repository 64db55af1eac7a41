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
        /// Whether this rank speaks for the part where several ranks hold the same.
        public let isCounted: Bool

        /// The shape of what this rank holds.
        public var shape: [Int] { part.shape }
    }

    /// What parameters of one arena have in common.
    public struct Key: Sendable, Hashable {
        /// The block of the model, see `ParameterSpec.block`.
        public let block: String
        /// The optimizer group; nil = frozen.
        public let group: Int?
        /// Whether they belong to experts, which ranks of the expert axis divide.
        public let isExpert: Bool

        public init(_ spec: ParameterSpec, group: Int?) {
            (block, self.group, isExpert) = (spec.block, group, spec.placement.expert != nil)
        }
    }

    public let key: Key
    /// Parameters in the order of their ranges.
    public let entries: [Entry]
    /// Elements of all parameters and of what lies between them.
    public let elementCount: Int
    public let sharding: ArenaSharding
    /// The elements that this rank owns: it keeps their masters and states, and updates them.
    public let owned: Range<Int>
    /// Master weights of `owned`.
    public let weights: Tensor
    /// Gradients in the masters' type, [elementCount]; nil when frozen. Loaded only during backward where they are
    /// sharded.
    public let gradients: Tensor?
    /// What layers read, [elementCount], in the compute type; nil when the masters are that. Loaded only while the
    /// block runs where weights are sharded.
    public let compute: Tensor?
    /// Gradients of `owned`, summed over ranks and micro-batches; nil where they are read from `gradients`.
    public let gradientShard: Tensor?

    public var block: String { key.block }
    public var group: Int? { key.group }
    public var dtype: DType { weights.dtype }

    /// Gradients of `owned`; nil when frozen.
    public var ownedGradients: Tensor? {
        gradientShard ?? gradients.map { Tensor($0.view.sliced(dim: 0, owned), $0.runtime) }
    }

    /// The owned part of what layers read, where it is a copy of the masters; nil = it is the masters, or not there.
    public var ownedCopy: Tensor? {
        guard let compute, sharding.level < .weights, compute.view.buffer !== weights.view.buffer else { return nil }
        return Tensor(compute.view.sliced(dim: 0, owned), compute.runtime)
    }

    /// Lays out parts of parameters in order; all values are 0.
    init(
        _ parts: [(spec: ParameterSpec, place: ParameterPlace)], _ runtime: Runtime, _ key: Key, precision: Precision,
        sharding: ArenaSharding
    ) {
        var end = 0
        entries = parts.map { spec, place in
            let start = Arena.roundUp(end, to: Arena.shardAlignment)
            end = start + place.part.elementCount
            return Entry(
                name: spec.name, part: place.part, wholeShape: spec.shape, range: start..<end, isCounted: place.isCounted)
        }
        let count = Arena.roundUp(end, to: Arena.shardAlignment * sharding.rankCount)
        let owned = sharding.owned(of: count)
        // Nothing updates frozen weights, so they need no master beside what layers read.
        let dtype = key.group == nil ? precision.compute : precision.master
        (self.key, self.sharding, self.owned, elementCount) = (key, sharding, owned, count)
        if sharding.level == .states || sharding.level == .gradients, dtype == precision.compute {
            // Masters are what layers read, so the owned ones lie among the others.
            let whole = runtime.zeros([count], dtype)
            compute = whole
            weights = Tensor(whole.view.sliced(dim: 0, owned), runtime)
        } else {
            weights = runtime.zeros([owned.count], dtype)
            let isCopied = dtype != precision.compute || sharding.level == .weights
            compute = !isCopied ? nil
                : sharding.level == .weights
                    ? runtime.unloaded([count], precision.compute) : runtime.zeros([count], precision.compute)
        }
        let isSharded = sharding.level >= .gradients
        gradients = key.group == nil ? nil : isSharded ? runtime.unloaded([count], dtype) : runtime.zeros([count], dtype)
        gradientShard = key.group == nil || !isSharded ? nil : runtime.zeros([owned.count], dtype)
    }

    /// Named views of the entries, in order.
    func makeParameters() -> [Parameter] {
        entries.map { entry in
            func view(_ flat: Tensor) -> Tensor {
                Tensor(flat.view.sliced(dim: 0, entry.range).reshaped(to: entry.shape), flat.runtime)
            }
            let masters = weights.elementCount == elementCount ? weights : nil
            return Parameter(
                name: entry.name, value: view(masters ?? compute ?? weights), gradient: gradients.map(view),
                compute: compute.map(view))
        }
    }

    /// Sets an entry's masters, as far as they are owned.
    /// - Parameter body: fills a tensor of the part's shape.
    func set(_ entry: Entry, _ body: (Tensor) throws -> Void) rethrows {
        let runtime = weights.runtime
        if owned.count == elementCount {
            return try body(Tensor(weights.view.sliced(dim: 0, entry.range).reshaped(to: entry.shape), runtime))
        }
        let common = entry.range.clamped(to: owned)
        if common.isEmpty { return }
        let whole = runtime.empty(entry.shape, dtype)
        try body(whole)
        runtime.run(
            .copy(
                from: whole.view.reshaped(to: [entry.range.count]).sliced(dim: 0, common.from(entry.range.lowerBound)),
                to: weights.view.sliced(dim: 0, common.from(owned.lowerBound))))
    }

    /// What is owned of an entry, in ranges of the owned elements whose places in the whole parameter follow each other,
    /// and the place of each one's first element.
    public func ownedPieces(of entry: Entry) -> [(range: Range<Int>, first: UInt64)] {
        let common = entry.range.clamped(to: owned)
        if common.isEmpty { return [] }
        let inside = common.from(entry.range.lowerBound)
        return entry.part.pieces(of: inside, in: entry.wholeShape).map { piece, first in
            (piece.from(owned.lowerBound - entry.range.lowerBound), UInt64(first))
        }
    }

    /// Sets all gradients that are kept between micro-batches to 0.
    public func zeroGradients() {
        if let kept = gradientShard ?? gradients { kept.runtime.run(.fill(kept.view, value: 0)) }
    }

    /// Copies the owned masters into the compute copy, if there is one.
    public func refreshCompute() {
        if let copy = ownedCopy { copy.runtime.run(.copy(from: weights.view, to: copy.view)) }
    }

    private static func roundUp(_ count: Int, to multiple: Int) -> Int {
        (count + multiple - 1) / multiple * multiple
    }
}

extension Range<Int> {
    /// The range counted from `origin`.
    package func from(_ origin: Int) -> Range<Int> { lowerBound - origin..<upperBound - origin }
}
