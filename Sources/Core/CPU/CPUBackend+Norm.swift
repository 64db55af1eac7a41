// N rows, C width

import CKernels

extension CPUBackend {
    func supports(_ norm: Norm) -> Bool {
        [norm.x, norm.y].allSatisfy { $0.dtype.isSingle && $0.hasDenseRows } && norm.weight.dtype.isSingle
            && (norm.bias?.dtype.isSingle ?? true) && norm.inverse.dtype == .float32
            && (norm.mean?.dtype ?? .float32) == .float32
    }

    func supports(_ norm: NormBackward) -> Bool {
        [norm.x, norm.dy, norm.dx, norm.addend].allSatisfy { view in view.map { $0.dtype.isSingle && $0.hasDenseRows } ?? true }
            && [norm.weight, norm.dweight, norm.dbias].allSatisfy { $0?.dtype.isSingle ?? true }
            && norm.inverse.dtype == .float32 && (norm.mean?.dtype ?? .float32) == .float32
    }

    func norm(_ norm: Norm) {
        let (rows, columns) = (norm.x.shape[0], norm.x.shape[1])
        let weight = denseFloats(norm.weight)
        let bias = norm.bias.map(denseFloats)
        var call = CPUBackend.describe(norm.x, norm.y, weight, norm.inverse, norm.mean)
        call.bias = bias.map { UnsafePointer($0.floats) }
        eachRows(rows, columns, scratchRows: 2, call) { call, range, scratch in
            ck_norm(call, norm.epsilon, Int64(range.lowerBound), Int64(range.upperBound), scratch)
        }
        withExtendedLifetime((weight, bias)) {}
    }

    /// Rows whose weight gradients are added in one float32 sum; fixed, so that results do not depend on threads.
    private static let gradientRows = 64

    func normBackward(_ norm: NormBackward) {
        let (rows, columns) = (norm.x.shape[0], norm.x.shape[1])
        let weight = denseFloats(norm.weight)
        var call = CPUBackend.describe(norm.x, norm.dx, weight, norm.inverse, norm.mean)
        if let addend = norm.addend {
            call.added = UnsafeRawPointer(addend.address)
            call.added_type = addend.dtype.code
            call.added_stride = Int64(addend.strides[0])
        }
        let blocks = (rows + CPUBackend.gradientRows - 1) / CPUBackend.gradientRows
        let isTrained = norm.dweight != nil || norm.dbias != nil
        // [2, blocks, C] partial sums of dweight and dbias
        let partial = temporary([2, isTrained ? blocks : 0, columns])
        fill(partial, 0)
        scratch(pool.threadCount * 4 * columns, of: Float.self) { scratch in
            withUnsafePointer(to: call) { call in
                pool.parallelRanges(blocks, grain: rows * columns < 1 << 14 ? .max : 1) { range, worker in
                    for block in range {
                        let first = block * CPUBackend.gradientRows
                        ck_norm_backward(
                            call, norm.dy.address, norm.dy.dtype.code, Int64(norm.dy.strides[0]),
                            norm.dweight == nil ? nil : partial.floats + block * columns,
                            norm.dbias == nil ? nil : partial.floats + (blocks + block) * columns, Int64(first),
                            Int64(min(first + CPUBackend.gradientRows, rows)), scratch + worker * 4 * columns)
                    }
                }
            }
        }
        for (index, gradient) in [norm.dweight, norm.dbias].enumerated() {
            guard let gradient else { continue }
            let sums = partial.sliced(dim: 0, index..<index + 1).reshaped(to: [blocks, columns])
            let row = BufferView(
                buffer: gradient.buffer, offset: gradient.offset, shape: [1, columns], strides: [0] + gradient.strides,
                dtype: gradient.dtype)
            sum(sums, into: row, accumulate: true)
        }
        withExtendedLifetime(weight) {}
    }

    private func eachRows(
        _ rows: Int, _ columns: Int, scratchRows: Int, _ call: ck_norm_rows,
        _ body: (UnsafePointer<ck_norm_rows>, Range<Int>, UnsafeMutablePointer<Float>) -> Void
    ) {
        scratch(pool.threadCount * scratchRows * columns, of: Float.self) { scratch in
            withUnsafePointer(to: call) { call in
                pool.parallelRanges(rows, grain: (1 << 13) / max(columns, 1)) { range, worker in
                    body(call, range, scratch + worker * scratchRows * columns)
                }
            }
        }
    }

    private static func describe(
        _ x: BufferView, _ y: BufferView?, _ weight: BufferView, _ inverse: BufferView, _ mean: BufferView?
    ) -> ck_norm_rows {
        var call = ck_norm_rows()
        call.x = UnsafeRawPointer(x.address)
        call.x_type = x.dtype.code
        call.x_stride = Int64(x.strides[0])
        call.columns = Int64(x.shape[1])
        if let y {
            call.y = y.address
            call.y_type = y.dtype.code
            call.y_stride = Int64(y.strides[0])
        }
        call.weight = UnsafePointer(weight.floats)
        call.inverse = inverse.floats
        call.inverse_stride = Int64(inverse.strides[0])
        call.mean = mean?.floats
        call.mean_stride = Int64(mean?.strides[0] ?? 0)
        return call
    }
}
