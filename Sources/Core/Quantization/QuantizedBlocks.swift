/// A flat array kept in 8 bits a number: dynamic codes in blocks with one scale each.
///
/// A block's scale is its number of largest magnitude, with its sign, so that this number is kept exactly and coding a
/// decoded block again changes nothing. A block whose largest magnitude is below 2^-100 becomes zeros; one that holds an
/// infinity or a NaN becomes NaN.
public struct QuantizedBlocks {
    /// Numbers that share a scale. The paper takes 2048; at 256 an outlier spoils an eighth as many neighbours for 1.6 %
    /// more memory, and blocks end where shards and parameters of an arena do (`Arena.shardAlignment`).
    public static let blockSize = 256

    /// [N] uint8, dense
    public let codes: BufferView
    /// [(N + 255) / 256] float32, dense
    public let scales: BufferView
    /// Whether numbers have signs; nonnegative ones get twice as many codes a decade.
    public let isSigned: Bool

    /// - Parameters:
    ///   - codes: [N] uint8, dense.
    ///   - scales: [(N + 255) / 256] float32, dense.
    ///   - isSigned: whether numbers have signs.
    public init(codes: BufferView, scales: BufferView, isSigned: Bool) {
        let count = codes.elementCount
        precondition(
            codes.dtype == .uint8 && scales.dtype == .float32 && codes.dimCount == 1 && codes.isContiguous
                && scales.isContiguous && scales.shape == [QuantizedBlocks.blockCount(count)],
            "quantized blocks: \(codes.dtype) codes \(codes.shape) with \(scales.dtype) scales \(scales.shape), "
                + "expected dense uint8 [N] with dense float32 [(N + 255) / 256]")
        (self.codes, self.scales, self.isSigned) = (codes, scales, isSigned)
    }

    /// Zeros.
    public static func zeros(_ count: Int, isSigned: Bool, _ runtime: Runtime) -> QuantizedBlocks {
        QuantizedBlocks(
            codes: runtime.full([count], .uint8, isSigned ? 127 : 0).view,
            scales: runtime.zeros([blockCount(count)], .float32).view, isSigned: isSigned)
    }

    public var elementCount: Int { codes.elementCount }

    /// The elements of `range`, which starts a block.
    public func sliced(_ range: Range<Int>) -> QuantizedBlocks {
        let first = range.lowerBound / QuantizedBlocks.blockSize
        precondition(
            first * QuantizedBlocks.blockSize == range.lowerBound,
            "quantized blocks: a slice from \(range.lowerBound) does not start a block of \(QuantizedBlocks.blockSize)")
        return QuantizedBlocks(
            codes: codes.sliced(dim: 0, range),
            scales: scales.sliced(dim: 0, first..<first + QuantizedBlocks.blockCount(range.count)),
            isSigned: isSigned)
    }

    private static func blockCount(_ count: Int) -> Int { (count + blockSize - 1) / blockSize }
}
