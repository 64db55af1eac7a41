// M N K matrix dims

import CKernels

extension CPUBackend {
    /// Products of fewer rows than this with dense columns on the right are dots, which read the right side once.
    private static let dotRows = 10

    /// Two matrices of a type that has panels are multiplied by them; of others, few rows by dots and the rest by the
    /// BLAS library, for which bfloat16 is widened to float32. Sums are float32; a bfloat16 result is rounded once, at
    /// the end.
    func matmul(_ product: Matmul) {
        let n = product.c.dimCount
        if product.c.elementCount == 0 { return }
        precondition(
            product.c.shape[n - 1] == 1 || product.c.strides[n - 1] == 1, "matmul: rows of the result are not dense")
        precondition(
            (product.a.shape + product.c.shape).allSatisfy { $0 < Int(Int32.max) },
            "matmul: a dim of \(product.a.shape) or \(product.c.shape) is too large")
        if product.a.shape[n - 1] == 0 {
            return product.beta == 0 ? fill(product.c, 0) : scale(product.c, by: product.beta)
        }
        var (a, b, c) = (
            MatrixOperand(view: product.a), MatrixOperand(view: product.b), MatrixOperand(view: product.c)
        )
        // Batches that share the right side are more rows of the left.
        while c.view.dimCount > 2, let foldedA = a.foldingBatch(), let foldedB = b.droppingBatch(),
            let foldedC = c.foldingBatch()
        {
            (a, b, c) = (foldedA, foldedB, foldedC)
        }
        if a.view.dtype == b.view.dtype && panelTypes.contains(a.view.dtype) {
            return multiplyPanels(a, b, c, Float(product.alpha), Float(product.beta))
        }
        let isDot = c.rows < CPUBackend.dotRows && b.hasDenseColumns
        if product.c.dtype != .float32 {
            let wide = temporary(product.c.shape)
            if product.beta != 0 { copy(from: product.c, to: wide) }
            matmul(Matmul(product.a, product.b, into: wide, alpha: product.alpha, beta: product.beta))
            return copy(from: wide, to: product.c)
        }
        a = a.view.dtype == .float32 && (a.hasDenseRows || (!isDot && a.hasDenseColumns)) ? a : packed(a)
        if !isDot && !(b.view.dtype == .float32 && (b.hasDenseRows || b.hasDenseColumns)) { b = packed(b) }
        multiply(a, b, c, Float(product.alpha), Float(product.beta), isDot: isDot)
    }

    private func multiply(
        _ a: MatrixOperand, _ b: MatrixOperand, _ c: MatrixOperand, _ alpha: Float, _ beta: Float, isDot: Bool
    ) {
        let depth = a.columns
        let batch = StridedDomain(c.batchShape, [a.batchStrides, b.batchStrides, c.batchStrides])
        let batchCount = batch.elementCount
        let isSmall = batchCount * c.rows * c.columns * depth < 1 << 18
        // A product is cut along its longer side, at multiples of 16, unless there are enough of them.
        let cutsColumns = isDot || c.columns >= c.rows
        let side = cutsColumns ? c.columns : c.rows
        let pieces = isSmall || batchCount >= 2 * pool.threadCount ? 1 : pool.threadCount
        let step = pieces == 1 ? side : ((side + pieces - 1) / pieces + 15) / 16 * 16
        let stepCount = (side + step - 1) / step
        let (ta, lda) = a.layout
        let (tb, ldb) = b.layout
        let ldc = c.rows == 1 ? c.columns : c.rowStride
        pool.parallelRanges(batchCount * stepCount, grain: isSmall ? .max : 1) { range, _ in
            for item in range {
                let (index, first) = (item / stepCount, item % stepCount * step)
                let count = min(step, side - first)
                let (row, rows) = cutsColumns ? (0, c.rows) : (first, count)
                let (column, columns) = cutsColumns ? (first, count) : (0, c.columns)
                let left = a.view.address(plus: batch.offset(index, view: 0) + row * a.rowStep)
                let right = b.view.address(plus: batch.offset(index, view: 1) + column * b.columnStep)
                let result = c.view.address(plus: batch.offset(index, view: 2) + row * ldc + column)
                if isDot {
                    ck_dots(
                        Int64(rows), Int64(columns), Int64(depth), alpha, left.assumingMemoryBound(to: Float.self),
                        Int64(a.rowStep), right, b.view.dtype.code, Int64(b.columnStep), beta,
                        result.assumingMemoryBound(to: Float.self), Int64(ldc))
                } else {
                    blas.sgemm(
                        101, ta, tb, Int32(rows), Int32(columns), Int32(depth), alpha,
                        left.assumingMemoryBound(to: Float.self), lda, right.assumingMemoryBound(to: Float.self), ldb,
                        beta, result.assumingMemoryBound(to: Float.self), Int32(ldc))
                }
            }
        }
    }

    /// A dense float32 copy; what the batch repeats is copied once.
    private func packed(_ operand: MatrixOperand) -> MatrixOperand {
        var source = operand.view
        for dim in source.shape.indices.dropLast(2) where source.strides[dim] == 0 && source.shape[dim] > 1 {
            source = source.sliced(dim: dim, 0..<1)
        }
        let dense = temporary(source.shape)
        copy(from: source, to: dense)
        return MatrixOperand(view: dense.broadcast(to: operand.view.shape))
    }

    private func scale(_ view: BufferView, by factor: Double) {
        let program = Program(inputs: 1, scalars: 1) { x, s in [x[0] * s[0]] }
        map(program, [view], [view], [factor])
    }
}
