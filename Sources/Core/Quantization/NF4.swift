/// The 4-bit NormalFloat: Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs", 2023, arXiv 2305.14314.
public enum NF4 {
    /// Numbers that share a scale.
    public static let blockSize = 64

    /// The numbers that codes 0...15 stand for, times the block's largest magnitude (appendix E of the paper).
    public static let numbers: [Double] = [
        -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
        -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
        0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
    ]

    /// Half way between neighbours: a number has the code that says how many of these are below it.
    static let thresholds = zip(numbers, numbers.dropFirst()).map { ($0 + $1) / 2 }

    /// Blocks of a row, which the last one may not fill.
    static func blockCount(_ columns: Int) -> Int { (columns + blockSize - 1) / blockSize }

    /// The numbers [O, I] of a row-major array, block by block: the whole blocks [O, B, 64] beside their scales
    /// [O, B, 1] of all, then the blocks that are not whole.
    static func blocks(_ view: BufferView, _ scales: BufferView) -> [(numbers: BufferView, scales: BufferView)] {
        let (rows, columns) = (view.shape[0], view.shape[1])
        let (whole, rest) = (columns / blockSize, columns % blockSize)
        func part(_ first: Int, _ count: Int, _ width: Int) -> (numbers: BufferView, scales: BufferView) {
            let numbers = BufferView(
                buffer: view.buffer, offset: view.offset + first * blockSize, shape: [rows, count, width],
                strides: [view.strides[0], blockSize, 1], dtype: view.dtype)
            return (numbers, scales.reshaped(to: [rows, blockCount(columns), 1]).sliced(dim: 1, first..<first + count))
        }
        return (whole > 0 ? [part(0, whole, blockSize)] : []) + (rest > 0 ? [part(whole, 1, rest)] : [])
    }
}
