// M N K matrix dims

/// One of the three arrays of a matrix product: batch dims, then rows and columns.
struct MatrixOperand {
    var view: BufferView

    var rows: Int { view.shape[view.dimCount - 2] }
    var columns: Int { view.shape[view.dimCount - 1] }
    var rowStride: Int { view.strides[view.dimCount - 2] }
    var columnStride: Int { view.strides[view.dimCount - 1] }
    var batchShape: [Int] { view.shape.dropLast(2) }
    var batchStrides: [Int] { view.strides.dropLast(2) }

    /// Whether each row lies densely in memory.
    var hasDenseRows: Bool { (columns == 1 || columnStride == 1) && (rows == 1 || rowStride >= columns) }
    /// Whether each column lies densely in memory.
    var hasDenseColumns: Bool { (rows == 1 || rowStride == 1) && (columns == 1 || columnStride >= rows) }

    /// Transposition (111 none, 112 yes) and leading dimension, as a BLAS library wants them.
    var layout: (transposition: Int32, leading: Int32) {
        if hasDenseRows { return (111, Int32(max(rows == 1 ? columns : rowStride, columns))) }
        return (112, Int32(max(columns == 1 ? rows : columnStride, rows)))
    }

    /// Distance from one row to the next in the layout's terms; a dim of size 1 has no step.
    var rowStep: Int { rows == 1 ? 0 : rowStride }
    var columnStep: Int { columns == 1 ? 0 : columnStride }

    /// The innermost batch dim taken as more rows, or nil when the rows do not follow each other.
    func foldingBatch() -> MatrixOperand? {
        let n = view.dimCount
        let (count, step) = (view.shape[n - 3], view.strides[n - 3])
        let follows = count == 1 || rows == 1 || step == rowStride * rows
        guard follows else { return nil }
        return withoutBatchDim(rows: count * rows, rowStride: rows == 1 ? step : rowStride)
    }

    /// Without the innermost batch dim, along which nothing changes.
    func droppingBatch() -> MatrixOperand? {
        let n = view.dimCount
        guard view.shape[n - 3] == 1 || view.strides[n - 3] == 0 else { return nil }
        return withoutBatchDim(rows: rows, rowStride: rowStride)
    }

    private func withoutBatchDim(rows: Int, rowStride: Int) -> MatrixOperand {
        let n = view.dimCount
        return MatrixOperand(
            view: BufferView(
                buffer: view.buffer, offset: view.offset, shape: view.shape.prefix(n - 3) + [rows, columns],
                strides: view.strides.prefix(n - 3) + [rowStride, columnStride], dtype: view.dtype))
    }
}
