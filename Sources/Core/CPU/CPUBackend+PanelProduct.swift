// M N K matrix dims

import CKernels

extension CPUBackend {
    /// c = alpha a b + beta c for a and b of one type, float32 or bfloat16, of any strides. A row of the result depends
    /// on that row of a alone, not on how many there are.
    func multiplyPanels(_ a: MatrixOperand, _ b: MatrixOperand, _ c: MatrixOperand, _ alpha: Float, _ beta: Float) {
        let batch = StridedDomain(c.batchShape, [a.batchStrides, b.batchStrides, c.batchStrides])
        let product = PanelProduct(a, b, c, batch, alpha, beta, threads: pool.threadCount)
        if c.rows <= Int(CK_FEW_ROWS) {
            scratch(product.left.size, of: UInt32.self) { left in
                split(product.left.items, product) { item, _, _ in product.left.pack(item, into: left) }
                // Long shares: what a thread reads next is fetched while it multiplies.
                split(batch.elementCount * product.columnPanels, product, sharesPerThread: 1) { item, _, _ in
                    product.multiplyFew(left, item)
                }
            }
        } else {
            scratch(product.right.size + pool.threadCount * product.workerSize, of: UInt32.self) { right in
                split(product.right.items, product) { item, _, _ in product.right.pack(item, into: right) }
                split(product.items, product) { item, next, worker in
                    let own = right + product.right.size + worker * product.workerSize
                    product.multiply(item, next, right, own)
                }
            }
        }
    }

    /// Shares items among the threads, unless the whole product is too small to wake them. Shares are small, so that a
    /// thread that was held up does not keep the others waiting.
    ///
    /// - Parameter body: takes an item, the one that the same thread is likely to take next, and the thread.
    private func split(
        _ count: Int, _ product: PanelProduct, sharesPerThread: Int = 16,
        _ body: (_ item: Int, _ next: Int, _ worker: Int) -> Void
    ) {
        if product.isSmall { return (0..<count).forEach { body($0, $0 + 1, 0) } }
        let shares = min(count, pool.threadCount * sharesPerThread)
        func start(_ share: Int) -> Int { share * count / shares }
        pool.parallel(shares) { share, worker in
            let end = start(share + 1)
            for item in start(share)..<end {
                body(item, item + 1 < end ? item + 1 : start(share + pool.threadCount), worker)
            }
        }
    }
}

/// One (batched) product, cut into blocks: rows that are packed into the second-level cache, and columns that pass.
private struct PanelProduct {
    private static let columnPanelsOfBlock = 64

    let left: PackedSide
    let right: PackedSide
    private let c: MatrixOperand
    private let batch: StridedDomain
    private let alpha: Float
    private let beta: Float
    private let ldc: Int
    private let rowPanels: Int
    let columnPanels: Int
    private let rowBlocks: Int
    private let columnBlocks: Int
    let isSmall: Bool

    init(
        _ a: MatrixOperand, _ b: MatrixOperand, _ c: MatrixOperand, _ batch: StridedDomain, _ alpha: Float,
        _ beta: Float, threads: Int
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
        rowPanels = pieces(c.rows, Int(CK_PANEL_ROWS))
        columnPanels = pieces(c.columns, Int(CK_PANEL_COLUMNS))
        isSmall = batch.elementCount * c.rows * c.columns * a.columns < 1 << 18
        // As many blocks for one thread as for another; columns are cut again where rows are too few for that, since
        // rows are packed once for each block.
        let fewest = pieces(c.rows, Int(ck_panel_lines(Int64(left.words))))
        let isCutByRows = batch.elementCount * fewest >= threads
        rowBlocks = isCutByRows ? min(pieces(fewest, threads) * threads, rowPanels) : fewest
        columnBlocks = max(
            pieces(columnPanels, PanelProduct.columnPanelsOfBlock),
            isCutByRows || fewest == 0 ? 1 : min(pieces(4 * threads, fewest), columnPanels))
    }

    /// How many calls of `multiply` it takes.
    var items: Int { batch.elementCount * rowBlocks * columnBlocks }
    /// Words that each thread needs for itself.
    var workerSize: Int {
        let columns = min(columnPanels, PanelProduct.columnPanelsOfBlock) * Int(CK_PANEL_COLUMNS)
        return Int(ck_panel_scratch(Int64(columns), Int64(left.words)))
    }

    /// One block of the result, while the lines of the `next` are fetched. Rows follow each other.
    func multiply(_ item: Int, _ next: Int, _ right: UnsafePointer<UInt32>, _ own: UnsafeMutablePointer<UInt32>) {
        let (index, rows, columns) = place(item)
        var call = describe(
            index, row: rows.lowerBound, column: columns.lowerBound, rows: rows.count, columns: columns.count)
        var lines = leftLines(item)
        var ahead = next < items ? leftLines(next) : ck_lines()
        ck_panel_product(
            &call, &lines, right + self.right.offset(index) + columns.lowerBound * self.right.words, own, &ahead)
    }

    /// The matrix, rows and columns of a block.
    private func place(_ item: Int) -> (index: Int, rows: Range<Int>, columns: Range<Int>) {
        let (index, block) = (item / (rowBlocks * columnBlocks), item % (rowBlocks * columnBlocks))
        func range(_ part: Int, _ parts: Int, _ panels: Int, _ width: Int, _ end: Int) -> Range<Int> {
            part * panels / parts * width..<min((part + 1) * panels / parts * width, end)
        }
        return (
            index, range(block % rowBlocks, rowBlocks, rowPanels, CK_PANEL_ROWS, c.rows),
            range(block / rowBlocks, columnBlocks, columnPanels, CK_PANEL_COLUMNS, c.columns)
        )
    }

    /// The rows of the left side that a block packs.
    private func leftLines(_ item: Int) -> ck_lines {
        let (index, rows, _) = place(item)
        return ck_lines(
            x: left.address(index, line: rows.lowerBound), count: Int64(rows.count),
            k: Int64(left.depth), stride: Int64(left.stride), k_stride: Int64(left.depthStride))
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
