// N rows, O outputs, I inputs

import CKernels

extension CPUBackend {
    /// Products of fewer rows than this are dots with rows that are decoded one after another.
    private static let fewRows = 10
    /// Rows of weights decoded for one pass of dots.
    private static let dotStrip = 8
    /// Numbers of a strip of larger products: what the second-level cache holds beside the other side.
    private static let stripSize = 1 << 17

    func supports(_ product: QuantizedMatmul) -> Bool {
        product.a.dtype.isSingle && product.c.dtype.isSingle && product.c.hasDenseRows
    }

    func quantizedMatmul(_ product: QuantizedMatmul) {
        if product.c.elementCount == 0 { return }
        if product.c.dtype != .float32 {
            // Sums over strips and the rounding of the result happen once each.
            let wide = temporary(product.c.shape)
            if product.accumulates { copy(from: product.c, to: wide) }
            quantizedMatmul(
                QuantizedMatmul(
                    product.a, product.weights, into: wide, isBackward: product.isBackward,
                    accumulates: product.accumulates))
            return copy(from: wide, to: product.c)
        }
        if product.isBackward {
            multiplyStripsBackward(product)
        } else if product.a.shape[0] < CPUBackend.fewRows {
            multiplyFewRows(product)
        } else {
            multiplyStrips(product)
        }
    }

    private func multiplyFewRows(_ product: QuantizedMatmul) {
        let a = denseFloats(product.a)
        let (count, depth, outputs) = (a.shape[0], product.weights.columnCount, product.weights.rowCount)
        let strips = (outputs + CPUBackend.dotStrip - 1) / CPUBackend.dotStrip
        let (c, stride, beta) = (product.c.floats, Int64(product.c.strides[0]), product.accumulates ? Float(1) : 0)
        withDescription(product.weights) { weights in
            scratch(pool.threadCount * CPUBackend.dotStrip * depth, of: Float.self) { scratch in
                pool.parallelRanges(strips, grain: max(1, (1 << 15) / (depth * CPUBackend.dotStrip))) { range, worker in
                    let strip = scratch + worker * CPUBackend.dotStrip * depth
                    for index in range {
                        let first = index * CPUBackend.dotStrip
                        let rows = Int64(min(CPUBackend.dotStrip, outputs - first))
                        ck_dequantize_rows(strip, DType.float32.code, weights, Int64(first), rows)
                        ck_dots(
                            Int64(count), rows, Int64(depth), 1, a.floats, Int64(depth), strip, DType.float32.code,
                            Int64(depth), beta, c + first, stride)
                    }
                }
            }
        }
        withExtendedLifetime(a) {}
    }

    private func multiplyStrips(_ product: QuantizedMatmul) {
        eachStrip(product) { rows, strip in
            matmul(
                Matmul(
                    product.a, strip.transposed(0, 1), into: product.c.sliced(dim: 1, rows),
                    beta: product.accumulates ? 1 : 0))
        }
    }

    /// c = sum over strips of a[:, strip] W[strip, :], in order.
    private func multiplyStripsBackward(_ product: QuantizedMatmul) {
        eachStrip(product) { rows, strip in
            let beta: Double = product.accumulates || rows.lowerBound > 0 ? 1 : 0
            matmul(Matmul(product.a.sliced(dim: 1, rows), strip, into: product.c, beta: beta))
        }
    }

    /// Rows of weights decoded to the other side's type, a few at a time.
    private func eachStrip(_ product: QuantizedMatmul, _ body: (_ rows: Range<Int>, _ strip: BufferView) -> Void) {
        let (outputs, inputs) = (product.weights.rowCount, product.weights.columnCount)
        let dtype: DType = panelTypes.contains(product.a.dtype) ? product.a.dtype : .float32
        let stripRows = min(outputs, max(32, CPUBackend.stripSize / inputs / 32 * 32))
        let buffer = allocate(byteCount: stripRows * inputs * dtype.byteCount)
        withDescription(product.weights) { weights in
            for first in stride(from: 0, to: outputs, by: stripRows) {
                let rows = first..<min(first + stripRows, outputs)
                let strip = BufferView(buffer: buffer, shape: [rows.count, inputs], dtype: dtype)
                pool.parallelRanges(rows.count, grain: max(1, (1 << 14) / inputs)) { range, _ in
                    ck_dequantize_rows(
                        strip.address(plus: range.lowerBound * inputs), dtype.code, weights,
                        Int64(first + range.lowerBound), Int64(range.count))
                }
                body(rows, strip)
            }
        }
    }

    private func withDescription(_ matrix: QuantizedMatrix, _ body: (UnsafePointer<ck_quantized>) -> Void) {
        var description = ck_quantized()
        description.codes = UnsafePointer(matrix.codes.address.assumingMemoryBound(to: UInt8.self))
        description.columns = Int64(matrix.columnCount)
        switch matrix.scales {
        case .rows(let scales): description.scales = UnsafePointer(scales.floats)
        case .blocks(let blocks, let offset):
            description.absmax_codes = UnsafePointer(blocks.codes.address.assumingMemoryBound(to: UInt8.self))
            description.absmax_scales = UnsafePointer(blocks.scales.floats)
            description.absmax_offset = offset
        }
        withUnsafePointer(to: description) { body($0) }
        withExtendedLifetime(matrix) {}
    }
}
