// M N K matrix dims

import CKernels

extension CPUBackend {
    /// Products of fewer rows than this with dense columns on the right are dots, which read the right side once.
    private static let dotRows = 10

    /// The library that the table names for the element type (float32 when those of a and b differ) and the shape takes
    /// the product; but few rows that panels do not take as they are, are multiplied by dots. Sums are float32; a
    /// bfloat16 result is rounded once, at the end.
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
        let dtype = a.view.dtype == b.view.dtype ? a.view.dtype : .float32
        let library = products.library(
            for: ProductKind(dtype, ProductClass(rows: c.rows, columns: c.columns, depth: a.columns)))
        let (alpha, beta) = (Float(product.alpha), Float(product.beta))
        let isPair = a.view.dtype == dtype && b.view.dtype == dtype
        if library == .panels && isPair && panelTypes.contains(dtype) {
            return multiplyPanels(a, b, c, alpha, beta)
        }
        let isDot = c.rows < CPUBackend.dotRows && b.hasDenseColumns
        if library == .panels && !isDot {
            return multiplyPanels(packed(a, as: .float32), packed(b, as: .float32), c, alpha, beta)
        }
        // oneDNN alone rounds its results itself, and only those of bfloat16 factors.
        let isRounded = !isDot && library == .onednn && dtype == .bfloat16
        if c.view.dtype != .float32 && !isRounded {
            let wide = temporary(product.c.shape)
            if product.beta != 0 { copy(from: product.c, to: wide) }
            matmul(Matmul(product.a, product.b, into: wide, alpha: product.alpha, beta: product.beta))
            return copy(from: wide, to: product.c)
        }
        if isDot {
            if a.view.dtype != .float32 || !a.hasDenseRows { a = packed(a, as: .float32) }
            return multiply(a, b, c, alpha, beta, by: .dots)
        }
        let factor = library == .onednn ? dtype : .float32
        if a.view.dtype != factor || !(a.hasDenseRows || a.hasDenseColumns) { a = packed(a, as: factor) }
        if b.view.dtype != factor || !(b.hasDenseRows || b.hasDenseColumns) { b = packed(b, as: factor) }
        multiply(a, b, c, alpha, beta, by: library == .onednn ? .onednn : .blas)
    }

    /// A dense copy of another type; what the batch repeats is copied once.
    private func packed(_ operand: MatrixOperand, as dtype: DType) -> MatrixOperand {
        var source = operand.view
        for dim in source.shape.indices.dropLast(2) where source.strides[dim] == 0 && source.shape[dim] > 1 {
            source = source.sliced(dim: dim, 0..<1)
        }
        let byteCount = source.shape.reduce(dtype.byteCount, *)
        let dense = BufferView(buffer: allocate(byteCount: byteCount), shape: source.shape, dtype: dtype)
        copy(from: source, to: dense)
        return MatrixOperand(view: dense.broadcast(to: operand.view.shape))
    }

    private func scale(_ view: BufferView, by factor: Double) {
        let program = Program(inputs: 1, scalars: 1) { x, s in [x[0] * s[0]] }
        map(program, [view], [view], [factor])
    }
}
