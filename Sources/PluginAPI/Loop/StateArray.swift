public import Core
internal import Random

/// One optimizer state of what a rank owns of an arena, in whatever it is kept in.
public struct StateArray {
    /// How the numbers are kept.
    public enum Kept {
        case numbers(Tensor)
        case blocks(QuantizedBlocks)
    }

    public let kept: Kept
    private let runtime: Runtime

    /// Zeros.
    init(for arena: Arena, _ storage: StateStorage, isSigned: Bool) {
        runtime = arena.weights.runtime
        let count = arena.owned.count
        // Of whole parameters, so that every layout chooses the same.
        let whole = arena.entries.reduce(0) { $0 + $1.wholeShape.reduce(1, *) }
        switch storage {
        case .eightBit where whole >= StateStorage.leastEightBitCount:
            kept = .blocks(.zeros(count, isSigned: isSigned, runtime))
        case .bfloat16: kept = .numbers(runtime.zeros([count], .bfloat16))
        case .float32, .eightBit:
            kept = .numbers(runtime.zeros([count], arena.dtype == .float64 ? .float64 : .float32))
        }
    }

    /// The element type in which checkpoints keep the state: exact for what is kept.
    public var dtype: DType {
        switch kept {
        case .numbers(let tensor): tensor.dtype
        case .blocks: .float32
        }
    }

    /// The numbers themselves, when they are kept in float32 or wider.
    var wide: Tensor? {
        guard case .numbers(let tensor) = kept, tensor.dtype != .bfloat16 else { return nil }
        return tensor
    }

    /// The numbers of `range`, which starts a block of 256: a view where they are kept as numbers, else decoded.
    public func values(_ range: Range<Int>) -> Tensor {
        switch kept {
        case .numbers(let tensor): return Tensor(tensor.view.sliced(dim: 0, range), runtime)
        case .blocks(let blocks):
            let result = runtime.empty([range.count], .float32)
            runtime.run(
                .storedMap(
                    StoredMap(.identity, inputs: [.blocks(blocks.sliced(range))], outputs: [.numbers(result.view)])))
            return result
        }
    }

    /// Keeps `values` in `range`, which starts a block of 256, rounded to nearest. What `values(_:)` gave is kept
    /// exactly.
    public func set(_ values: Tensor, in range: Range<Int>) {
        switch kept {
        case .numbers(let tensor):
            runtime.run(.copy(from: values.view, to: tensor.view.sliced(dim: 0, range)))
        case .blocks(let blocks):
            runtime.run(
                .storedMap(
                    StoredMap(
                        .identity, inputs: [.numbers(values.contiguous().view)],
                        outputs: [.blocks(blocks.sliced(range))])))
        }
    }

    /// The elements of `range` as an update reads and writes them.
    /// - Parameters:
    ///   - rounding: the source for states in bfloat16.
    ///   - first: the number of the first element's random number.
    func stored(_ range: Range<Int>, rounding: Philox, first: UInt64) -> (input: StoredArray, output: StoredArray) {
        switch kept {
        case .numbers(let tensor): StoredArray.updated(tensor.view.sliced(dim: 0, range), rounding: rounding, first: first)
        case .blocks(let blocks): (.blocks(blocks.sliced(range)), .blocks(blocks.sliced(range)))
        }
    }
}

extension StoredArray {
    /// A flat view that an update changes in place; bfloat16 is rounded at random.
    static func updated(
        _ view: BufferView, rounding: Philox, first: UInt64
    ) -> (input: StoredArray, output: StoredArray) {
        (.numbers(view), view.dtype == .bfloat16 ? .rounded(view, rounding, first: first) : .numbers(view))
    }
}
