import CKernels

/// One side of a product on its way into panels: which lines, along K, and how the work of packing them is cut.
struct PackedSide {
    let view: BufferView
    private let batch: StridedDomain
    private let number: Int
    private let lines: Int
    let stride: Int
    let depth: Int
    let depthStride: Int
    private let width: Int
    /// Words along K: numbers, or pairs of bfloat16.
    let words: Int
    /// How many different matrices there are: what the batch repeats is packed once.
    private let count: Int
    private let pieces: Int

    private static let linesOfPiece = 96
    private static let wordsOfPiece = 64

    /// - Parameters:
    ///   - number: which of the batch's views this is.
    ///   - lines: rows of the left side, columns of the right.
    ///   - stride: from one line to the next.
    ///   - depthStride: along a line.
    ///   - width: lines of a panel.
    init(
        _ view: BufferView, _ batchStrides: [Int], _ batch: StridedDomain, _ number: Int, lines: Int, stride: Int,
        depth: Int, depthStride: Int, width: Int
    ) {
        (self.view, self.batch, self.number, self.lines) = (view, batch, number, lines)
        (self.stride, self.depth, self.depthStride, self.width) = (stride, depth, depthStride, width)
        words = view.dtype == .bfloat16 ? (depth + 1) / 2 : depth
        count = batchStrides.allSatisfy { $0 == 0 } ? 1 : batch.elementCount
        // Memory is read in its own order: dense lines a few at a time, else a part of all lines.
        pieces = stride == 1 && depthStride != 1
            ? (words + PackedSide.wordsOfPiece - 1) / PackedSide.wordsOfPiece
            : (lines + PackedSide.linesOfPiece - 1) / PackedSide.linesOfPiece
    }

    private var isCutAlongDepth: Bool { stride == 1 && depthStride != 1 }
    private var panelWords: Int { (lines + width - 1) / width * width * words }
    /// Words of all panels.
    var size: Int { count * panelWords }
    /// How many calls of `pack` it takes.
    var items: Int { count * pieces }

    /// Where the panels of a matrix of the batch start.
    func offset(_ index: Int) -> Int { count == 1 ? 0 : index * panelWords }

    func address(_ index: Int, line: Int) -> UnsafeMutableRawPointer {
        view.address(plus: batch.offset(index, view: number) + line * stride)
    }

    func pack(_ item: Int, into panels: UnsafeMutablePointer<UInt32>) {
        let (index, piece) = (item / pieces, item % pieces)
        let first = isCutAlongDepth ? 0 : piece * PackedSide.linesOfPiece
        let start = isCutAlongDepth ? piece * PackedSide.wordsOfPiece : 0
        ck_pack(
            panels + index * panelWords + first * words, Int64(width), address(index, line: first), view.dtype.code,
            Int64(stride), Int64(depthStride),
            Int64(isCutAlongDepth ? lines : min(PackedSide.linesOfPiece, lines - first)), Int64(depth), Int64(start),
            Int64(isCutAlongDepth ? min(start + PackedSide.wordsOfPiece, words) : words), 0)
    }
}
