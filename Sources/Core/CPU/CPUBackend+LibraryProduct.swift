// M N K matrix dims

import CKernels

extension CPUBackend {
    /// What multiplies one piece of a product.
    enum PieceKernel {
        /// Few rows of float32 against dense columns of float32 or bfloat16.
        case dots
        /// OpenBLAS or the plain product: float32.
        case blas
        /// oneDNN: factors of one type.
        case onednn
    }

    /// c = alpha a b + beta c, cut into pieces that the threads of the pool take by single-threaded calls. Rows or
    /// columns of a and b are dense, and rows of c.
    func multiply(
        _ a: MatrixOperand, _ b: MatrixOperand, _ c: MatrixOperand, _ alpha: Float, _ beta: Float,
        by kernel: PieceKernel
    ) {
        let depth = a.columns
        let batch = StridedDomain(c.batchShape, [a.batchStrides, b.batchStrides, c.batchStrides])
        let batchCount = batch.elementCount
        let isSmall = batchCount * c.rows * c.columns * depth < 1 << 18
        // A product is cut along its longer side, at multiples of 16, unless there are enough of them.
        let cutsColumns = kernel == .dots || c.columns >= c.rows
        let side = cutsColumns ? c.columns : c.rows
        let pieces = isSmall || batchCount >= 2 * pool.threadCount ? 1 : pool.threadCount
        let step = pieces == 1 ? side : ((side + pieces - 1) / pieces + 15) / 16 * 16
        let stepCount = (side + step - 1) / step
        let blas = kernel == .blas ? products.libraries.blas : .plain
        let oneDNN = kernel == .onednn ? products.libraries.oneDNN : nil
        pool.parallelRanges(batchCount * stepCount, grain: isSmall ? .max : 1) { range, _ in
            for item in range {
                let (index, first) = (item / stepCount, item % stepCount * step)
                let count = min(step, side - first)
                let (row, rows) = cutsColumns ? (0, c.rows) : (first, count)
                let (column, columns) = cutsColumns ? (first, count) : (0, c.columns)
                let ldc = c.rows == 1 ? c.columns : c.rowStride
                let piece = ProductPiece(
                    a: a.view.address(plus: batch.offset(index, view: 0) + row * a.rowStep),
                    b: b.view.address(plus: batch.offset(index, view: 1) + column * b.columnStep),
                    c: c.view.address(plus: batch.offset(index, view: 2) + row * ldc + column),
                    rows: rows, columns: columns, depth: depth, ldc: ldc, alpha: alpha, beta: beta)
                switch kernel {
                case .dots: piece.dots(a, b)
                case .blas: piece.multiply(a, b, by: blas)
                case .onednn: piece.multiply(a, b, c, by: oneDNN)
                }
            }
        }
    }
}

/// The part of a product that one call computes.
private struct ProductPiece {
    let a: UnsafeMutableRawPointer
    let b: UnsafeMutableRawPointer
    let c: UnsafeMutableRawPointer
    let rows: Int
    let columns: Int
    let depth: Int
    let ldc: Int
    let alpha: Float
    let beta: Float

    func dots(_ left: MatrixOperand, _ right: MatrixOperand) {
        ck_dots(
            Int64(rows), Int64(columns), Int64(depth), alpha, a.assumingMemoryBound(to: Float.self),
            Int64(left.rowStep), b, right.view.dtype.code, Int64(right.columnStep), beta,
            c.assumingMemoryBound(to: Float.self), Int64(ldc))
    }

    func multiply(_ left: MatrixOperand, _ right: MatrixOperand, by library: BLASLibrary) {
        let ((ta, lda), (tb, ldb)) = (left.layout, right.layout)
        library.sgemm(
            101, ta, tb, Int32(rows), Int32(columns), Int32(depth), alpha, a.assumingMemoryBound(to: Float.self), lda,
            b.assumingMemoryBound(to: Float.self), ldb, beta, c.assumingMemoryBound(to: Float.self), Int32(ldc))
    }

    func multiply(_ left: MatrixOperand, _ right: MatrixOperand, _ result: MatrixOperand, by library: OneDNNLibrary?) {
        var product = ck_onednn_product()
        (product.a, product.b, product.c) = (UnsafeRawPointer(a), UnsafeRawPointer(b), c)
        (product.m, product.n, product.k) = (Int64(rows), Int64(columns), Int64(depth))
        product.a_strides = ProductPiece.strides(left)
        product.b_strides = ProductPiece.strides(right)
        product.ldc = Int64(ldc)
        (product.type, product.c_type) = (left.view.dtype.code, result.view.dtype.code)
        (product.alpha, product.beta) = (alpha, beta)
        let status = library?.multiply(&product)
        precondition(
            status == 0,
            "matmul: oneDNN refused [\(rows), \(depth)] x [\(depth), \(columns)] of \(left.view.dtype) with status "
                + "\(status ?? -1)")
    }

    private static func strides(_ operand: MatrixOperand) -> (Int64, Int64) {
        let (transposition, leading) = operand.layout
        return transposition == 111 ? (Int64(leading), 1) : (1, Int64(leading))
    }
}
