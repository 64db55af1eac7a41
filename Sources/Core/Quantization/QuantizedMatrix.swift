// O outputs, I inputs

/// A matrix [O, I] of frozen weights in 8 or 4 bits a number.
public struct QuantizedMatrix {
    /// How the numbers are kept.
    public enum Format: String, Sendable, Hashable, CaseIterable {
        /// 8 bits on an even grid with one float32 scale a row. A scale a row is a factor of one output, costs 4 bytes in
        /// I, and leaves an error of half of 1/127 of the row's largest number; blocks would add 6 % of memory to that
        /// of int8 for an error that is a tenth of NF4's already.
        case int8
        /// 4 bits: the quantiles of a normal distribution, in blocks of 64 whose scales are 8-bit codes of their own.
        /// Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs", 2023, arXiv 2305.14314, section 3.
        case nf4
    }

    /// What makes numbers of codes.
    public enum Scales {
        /// [O] float32; code q stands for (q - 128) * scale.
        case rows(BufferView)
        /// One for each block of 64 of a row, in row order, less `offset` (their mean); code q stands for
        /// `NF4.numbers[q]` times that.
        case blocks(QuantizedBlocks, offset: Float)
    }

    /// [O, I] uint8, or [O, (I + 1) / 2] with two 4-bit codes a byte, the first in the upper half
    public let codes: BufferView
    public let scales: Scales
    /// O
    public let rowCount: Int
    /// I
    public let columnCount: Int

    /// A matrix from its stored parts.
    /// - Parameters:
    ///   - codes: [O, I] or [O, (I + 1) / 2] uint8, dense.
    ///   - scales: of the rows or blocks.
    ///   - columns: I.
    public init(codes: BufferView, scales: Scales, columns: Int) {
        let rows = codes.shape.first ?? 0
        let (width, fits) = switch scales {
        case .rows(let view): (columns, view.shape == [rows] && view.dtype == .float32 && view.isContiguous)
        case .blocks(let blocks, _):
            ((columns + 1) / 2, blocks.isSigned && blocks.elementCount == rows * NF4.blockCount(columns))
        }
        precondition(
            codes.dtype == .uint8 && codes.shape == [rows, width] && codes.isContiguous && fits,
            "quantized matrix: \(codes.dtype) codes \(codes.shape) and their scales are not those of \(columns) columns")
        (self.codes, self.scales, rowCount, columnCount) = (codes, scales, rows, columns)
    }

    public var format: Format {
        switch scales {
        case .rows: .int8
        case .blocks: .nf4
        }
    }

    /// Bytes that codes and scales take.
    public var byteCount: Int {
        switch scales {
        case .rows(let view): codes.elementCount + view.elementCount * 4
        case .blocks(let blocks, _): codes.elementCount + blocks.elementCount + blocks.scales.elementCount * 4 + 4
        }
    }
}
