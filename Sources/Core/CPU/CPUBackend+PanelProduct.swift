// M N K matrix dims

import CKernels

extension CPUBackend {
    /// c = alpha a b + beta c for a and b of one type, float32 or bfloat16, of any strides. A row of the result depends
    /// on that row of a alone, not on how many there are.
    func multiplyPanels(_ a: MatrixOperand, _ b: MatrixOperand, _ c: MatrixOperand, _ alpha: Float, _ beta: Float) {
        let batch = StridedDomain(c.batchShape, [a.batchStrides, b.batchStrides, c.batchStrides])
        let product = PanelProduct(a, b, c, batch, alpha, beta)
        let isFew = c.rows <= Int(CK_FEW_ROWS)
        scratch(product.left.size + (isFew ? 0 : product.right.size), of: UInt32.self) { left in
            let right = left + product.left.size
            split(product.left.items, product) { product.left.pack($0, into: left) }
            if isFew {
                // Long shares: what a thread reads next is fetched while it multiplies.
                split(batch.elementCount * product.columnPanels, product, sharesPerThread: 1) {
                    product.multiplyFew(left, $0)
                }
            } else {
                split(product.right.items, product) { product.right.pack($0, into: right) }
                split(batch.elementCount * product.rowBlocks * product.columnBlocks, product) {
                    product.multiply(left, right, $0)
                }
            }
        }
    }

    /// Shares items among the threads, unless the whole product is too small to wake them. Shares are small, so that a
    /// thread that was held up does not keep the others waiting.
    private func split(
        _ count: Int, _ product: PanelProduct, sharesPerThread: Int = 16, _ body: (Int) -> Void
    ) {
        if product.isSmall { return (0..<count).forEach(body) }
        let shares = min(count, pool.threadCount * sharesPerThread)
        pool.parallel(shares) { share, _ in
            (share * count / shares..<(share + 1) * count / shares).forEach(body)
        }
    }
}

/// One (batched) product, cut into blocks of up to 8 panels each way: the right ones stay in the second-level cache
/// while the left ones pass.
private struct PanelProduct {
    private static let rowBlock = 8 * Int(CK_PANEL_ROWS)

    let left: PackedSide
    let right: PackedSide
    private let c: MatrixOperand
    private let batch: StridedDomain
    private let alpha: Float
    private let beta: Float
    private let ldc: Int
    let rowBlocks: Int
    let columnBlocks: Int
    let columnPanels: Int
    private let columnBlock: Int
    let isSmall: Bool

    init(
        _ a: MatrixOperand, _ b: MatrixOperand, _ c: MatrixOperand, _ batch: StridedDomain, _ alpha: Float,
        _ beta: Float
    ) {
        (self.c, self.batch, self.alpha, self.beta) = (c, batch, alpha, beta)
        left = PackedSide(
            a.view, a.batchStrides, batch, 0, lines: c.rows, stride: a.rowStep, depth: a.columns,
            depthStride: a.columnStep, width: Int(CK_PANEL_ROWS))
        right = PackedSide(
            b.view, b.batchStrides, batch, 1, lines: c.columns, stride: b.columnStep, depth: a.columns,
            depthStride: b.rowStep, width: Int(CK_PANEL_COLUMNS))
        ldc = c.rows == 1 ? c.columns : c.rowStride
        func pieces(_ count: Int, _ width: Int) -> Int { (count + width - 1) / width }
        rowBlocks = pieces(c.rows, PanelProduct.rowBlock)
        columnPanels = pieces(c.columns, Int(CK_PANEL_COLUMNS))
        columnBlocks = pieces(columnPanels, 8)
        // Of one size, since a narrow last block would read the whole left side for little.
        columnBlock = pieces(columnPanels, columnBlocks) * Int(CK_PANEL_COLUMNS)
        isSmall = batch.elementCount * c.rows * c.columns * a.columns < 1 << 18
    }

    /// One block of the result; rows follow each other, so that the next ones are fetched meanwhile.
    func multiply(_ left: UnsafePointer<UInt32>, _ right: UnsafePointer<UInt32>, _ item: Int) {
        let (index, block) = (item / (rowBlocks * columnBlocks), item % (rowBlocks * columnBlocks))
        let (row, column) = (block % rowBlocks * PanelProduct.rowBlock, block / rowBlocks * columnBlock)
        if column >= c.columns { return }
        let next = row + PanelProduct.rowBlock < c.rows ? row + PanelProduct.rowBlock : 0
        let panels = left + self.left.offset(index)
        var call = describe(index, row: row, column: column, rows: PanelProduct.rowBlock, columns: columnBlock)
        ck_panel_product(
            &call, panels + row * self.left.words, right + self.right.offset(index) + column * self.right.words,
            Int64(self.left.words), panels + next * self.left.words)
    }

    /// All rows of one panel of columns.
    func multiplyFew(_ left: UnsafePointer<UInt32>, _ item: Int) {
        let (index, column) = (item / columnPanels, item % columnPanels * Int(CK_PANEL_COLUMNS))
        var call = describe(index, row: 0, column: column, rows: c.rows, columns: Int(CK_PANEL_COLUMNS))
        ck_few_rows_product(
            &call, left + self.left.offset(index), right.address(index, line: column), Int64(right.stride),
            Int64(right.depthStride), Int64(right.depth))
    }

    private func describe(_ index: Int, row: Int, column: Int, rows: Int, columns: Int) -> ck_product {
        ck_product(
            m: Int64(min(rows, c.rows - row)), n: Int64(min(columns, c.columns - column)), type: left.view.dtype.code,
            c_type: c.view.dtype.code, alpha: alpha, beta: beta,
            c: c.view.address(plus: batch.offset(index, view: 2) + row * ldc + column), ldc: Int64(ldc))
    }
}
