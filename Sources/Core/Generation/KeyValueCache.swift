// P blocks, S tokens of a block, L layers, K key/value heads, D head size

/// Keys and values of the tokens that have been read, in blocks that sequences take as they grow.
///
/// A sequence is a list of blocks, so joining, leaving and sharing a prompt move no keys: blocks are counted references,
/// and a block that several sequences hold is copied when one of them writes into it. Memory is 2 L S K D elements a
/// block and grows, by half, with the blocks in use.
public final class KeyValueCache {
    /// Tokens of a block for which backends have fast kernels.
    public static let standardBlockSize = 64

    /// S
    public let blockSize: Int
    /// K and D
    let heads: (count: Int, size: Int)
    /// Goes up when the blocks move to other memory.
    private(set) var generation = 0
    /// Keys [P, K, D, S] and values [P, S, K, D] of each layer; rows that hold no token are finite.
    private(set) var layers: [(keys: Tensor, values: Tensor)]
    private let dtype: DType
    private let runtime: Runtime
    private var pool = BlockPool()

    /// An empty cache.
    /// - Parameters:
    ///   - dtype: the model's compute type.
    ///   - blockSize: S.
    public init(
        _ configuration: DecoderConfiguration, _ dtype: DType, _ runtime: Runtime,
        blockSize: Int = KeyValueCache.standardBlockSize
    ) {
        precondition(blockSize > 0, "key/value cache: blocks of \(blockSize) tokens")
        self.blockSize = blockSize
        self.dtype = dtype
        self.runtime = runtime
        heads = (configuration.keyValueHeadCount, configuration.headSize)
        let none = runtime.empty([0], dtype)
        layers = configuration.layers.map { _ in (none, none) }
    }

    /// P: how many blocks there is memory for.
    public var blockCount: Int { pool.capacity }
    /// Blocks that sequences hold.
    public var usedBlockCount: Int { pool.capacity - pool.freeCount }

    /// Makes room for the next tokens of a sequence: takes blocks, and copies a last block that others hold too.
    public func extend(_ sequence: inout CachedSequence, by count: Int) {
        if count > 0, sequence.length % blockSize != 0, let last = sequence.blocks.last, pool.isShared(last) {
            reserve(1)
            let own = pool.take()
            copy(last, to: own)
            pool.release(last)
            sequence.blocks[sequence.blocks.count - 1] = own
        }
        sequence.length += count
        let missing = blocks(for: sequence.length) - sequence.blocks.count
        reserve(missing)
        for _ in 0..<max(missing, 0) { sequence.blocks.append(pool.take()) }
    }

    /// Another sequence that starts with the same tokens.
    public func share(_ sequence: CachedSequence) -> CachedSequence {
        for block in sequence.blocks { pool.share(block) }
        return sequence
    }

    /// Gives up a sequence; its blocks are free when no other holds them.
    public func release(_ sequence: CachedSequence) {
        for block in sequence.blocks { pool.release(block) }
    }

    /// Makes sure that so many blocks are free, so that growth happens once for many sequences.
    public func reserve(_ count: Int) {
        guard count > pool.freeCount else { return }
        let needed = usedBlockCount + count
        grow(to: max(needed, pool.capacity + pool.capacity / 2))
    }

    /// Blocks that hold so many tokens.
    public func blocks(for tokens: Int) -> Int { (tokens + blockSize - 1) / blockSize }

    private func grow(to count: Int) {
        let (old, heads) = (pool.capacity, heads)
        // Layer by layer, so that little memory is held twice.
        for index in layers.indices {
            let shapes = [[count, heads.count, heads.size, blockSize], [count, blockSize, heads.count, heads.size]]
            let grown = zip(shapes, [layers[index].keys, layers[index].values]).map { shape, held in
                // Zeros: what no token was stored in may be read, with no weight.
                let tensor = runtime.empty(shape, dtype)
                runtime.run(.fill(tensor.view.sliced(dim: 0, old..<count), value: 0))
                if old > 0 { runtime.run(.copy(from: held.view, to: tensor.view.sliced(dim: 0, 0..<old))) }
                return tensor
            }
            layers[index] = (grown[0], grown[1])
        }
        pool.grow(to: count)
        generation += 1
    }

    private func copy(_ source: Int32, to target: Int32) {
        func block(_ tensor: Tensor, _ index: Int32) -> BufferView {
            tensor.view.sliced(dim: 0, Int(index)..<Int(index) + 1)
        }
        for layer in layers {
            for tensor in [layer.keys, layer.values] {
                runtime.run(.copy(from: block(tensor, source), to: block(tensor, target)))
            }
        }
    }
}
