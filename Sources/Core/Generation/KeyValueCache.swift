// N sequences, S keys a sequence, L layers, K key/value heads, D head size, B batch, T tokens

/// Keys and values of the tokens that have been read, for a fixed number of sequences of bounded length.
///
/// Memory is 2 L N S K D elements, allocated at once. Row i of a sequence holds its token i; rows that hold none are 0.
public final class KeyValueCache {
    public let sequenceCount: Int
    /// S: the most tokens that a sequence can have.
    public let capacity: Int
    private let runtime: Runtime
    private let layers: [(keys: Tensor, values: Tensor)]

    /// - Parameters:
    ///   - sequenceCount: N.
    ///   - capacity: S.
    ///   - dtype: the model's compute type.
    public init(
        _ configuration: DecoderConfiguration, sequenceCount: Int, capacity: Int, _ dtype: DType, _ runtime: Runtime
    ) {
        self.sequenceCount = sequenceCount
        self.capacity = capacity
        self.runtime = runtime
        let shape = [sequenceCount, capacity, configuration.keyValueHeadCount, configuration.headSize]
        layers = configuration.layers.map { _ in (runtime.zeros(shape, dtype), runtime.zeros(shape, dtype)) }
    }

    /// Where one forward pass stores its keys and values, and what it sees.
    public struct Step {
        fileprivate let cache: KeyValueCache
        /// [B * T] int32: the cache row of each token, negative for padding.
        fileprivate let rows: Tensor
        fileprivate let keyCount: Int
        /// [B] int32: the index of each sequence's first new token.
        let queryStart: Tensor

        /// Stores the new keys and values, [B, T, K, D]; returns all of the batch's, [B, S, K, D].
        func append(_ k: Tensor, _ v: Tensor, layer: Int) -> (Tensor, Tensor) {
            let (keys, values) = cache.layers[layer]
            return (store(k, in: keys), store(v, in: values))
        }

        private func store(_ new: Tensor, in all: Tensor) -> Tensor {
            let width = new.shape[2] * new.shape[3]
            let table = all.view.reshaped(to: [all.shape[0] * all.shape[1], width])
            let source = new.contiguous().reshaped(to: [new.shape[0] * new.shape[1], width])
            // Free rows are 0, so adding is storing.
            new.runtime.run(.scatterAdd(source: source.view, indices: rows.view, table: table))
            let seen = all.view.sliced(dim: 0, 0..<new.shape[0]).sliced(dim: 1, 0..<keyCount)
            return Tensor(seen, new.runtime)
        }
    }

    /// Prepares a forward pass over the first B sequences.
    /// - Parameters:
    ///   - starts: how many tokens each sequence holds already, [B].
    ///   - counts: how many of its T new tokens are no padding, [B].
    ///   - width: T.
    public func step(starts: [Int], counts: [Int], width: Int) -> Step {
        let ends = zip(starts, counts).map(+)
        precondition(
            starts.count <= sequenceCount && ends.allSatisfy { $0 <= capacity },
            "key/value cache: \(starts.count) sequences of up to \(ends.max() ?? 0) tokens do not fit "
                + "\(sequenceCount) of \(capacity)")
        let rows = starts.indices.flatMap { sequence in
            (0..<width).map { token in
                token < counts[sequence] ? Int32(sequence * capacity + starts[sequence] + token) : -1
            }
        }
        return Step(
            cache: self, rows: runtime.tensor(rows, [rows.count]), keyCount: ends.max() ?? 0,
            queryStart: runtime.tensor(starts.map(Int32.init), [starts.count]))
    }

    /// Replaces sequence `target` by the first `count` tokens of a sequence of another cache (or of this one).
    public func copy(_ count: Int, from source: KeyValueCache, sequence: Int, to target: Int) {
        for (from, to) in zip(source.layers, layers) {
            for (old, new) in [(from.keys, to.keys), (from.values, to.values)] {
                let row = new.view.sliced(dim: 0, target..<target + 1)
                runtime.run(
                    .copy(
                        from: old.view.sliced(dim: 0, sequence..<sequence + 1).sliced(dim: 1, 0..<count),
                        to: row.sliced(dim: 1, 0..<count)))
                if count < capacity { runtime.run(.fill(row.sliced(dim: 1, count..<capacity), value: 0)) }
            }
        }
    }
}
