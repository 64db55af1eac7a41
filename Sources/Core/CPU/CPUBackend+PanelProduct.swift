// M N K matrix dims

import CKernels

extension CPUBackend {
    /// c = alpha a b + beta c for a and b of one type, float32 or bfloat16, of any strides. A row of the result depends
    /// on that row of a alone, not on how many there are.
    func multiplyPanels(_ a: MatrixOperand, _ b: MatrixOperand, _ c: MatrixOperand, _ alpha: Float, _ beta: Float) {
        let batch = StridedDomain(c.batchShape, [a.batchStrides, b.batchStrides, c.batchStrides])
        let product = PanelProduct(a, b, c, batch, alpha, beta)
        let isFew = c.rows <= Int(CK_FEW_ROWS)
        scratch(product.leftSize + (isFew ? 0 : product.rightSize), of: UInt32.self) { left in
            let right = left + product.leftSize
            split(product.leftCount * product.rowBlocks, product) { product.packLeft($0, into: left) }
            if isFew {
                split(batch.elementCount * product.columnPanels, product) { product.multiplyFew(left, $0) }
            } else {
                split(product.rightCount * product.columnBlocks, product) { product.packRight($0, into: right) }
                split(batch.elementCount * product.rowBlocks * product.columnBlocks, product) {
                    product.multiply(left, right, $0)
                }
            }
        }
    }

    /// Shares items among the threads, unless the whole product is too small to wake them.
    private func split(_ count: Int, _ product: PanelProduct, _ body: (Int) -> Void) {
        pool.parallelRanges(count, grain: product.isSmall ? .max : 1) { range, _ in range.forEach(body) }
    }
}

/// One (batched) product, cut into blocks of 8 panels each way: the right ones stay in the second-level cache while the
/// left ones pass.
private struct PanelProduct {
    private static let rowWidth = Int(CK_PANEL_ROWS)
    private static let columnWidth = Int(CK_PANEL_COLUMNS)
    private static let rowBlock = 8 * rowWidth
    private static let columnBlock = 8 * columnWidth

    private let a: MatrixOperand
    private let b: MatrixOperand
    private let c: MatrixOperand
    private let batch: StridedDomain
    private let alpha: Float
    private let beta: Float
    /// Words along K: numbers, or pairs of bfloat16.
    private let words: Int
    private let ldc: Int
    let rowBlocks: Int
    let columnBlocks: Int
    let columnPanels: Int
    /// How many different left and right sides there are: what the batch repeats is packed once.
    let leftCount: Int
    let rightCount: Int
    let isSmall: Bool

    init(
        _ a: MatrixOperand, _ b: MatrixOperand, _ c: MatrixOperand, _ batch: StridedDomain, _ alpha: Float,
        _ beta: Float
    ) {
        (self.a, self.b, self.c, self.batch, self.alpha, self.beta) = (a, b, c, batch, alpha, beta)
        words = a.view.dtype == .bfloat16 ? (a.columns + 1) / 2 : a.columns
        ldc = c.rows == 1 ? c.columns : c.rowStride
        func pieces(_ count: Int, _ width: Int) -> Int { (count + width - 1) / width }
        rowBlocks = pieces(c.rows, PanelProduct.rowBlock)
        columnBlocks = pieces(c.columns, PanelProduct.columnBlock)
        columnPanels = pieces(c.columns, PanelProduct.columnWidth)
        leftCount = a.batchStrides.allSatisfy { $0 == 0 } ? 1 : batch.elementCount
        rightCount = b.batchStrides.allSatisfy { $0 == 0 } ? 1 : batch.elementCount
        isSmall = batch.elementCount * c.rows * c.columns * a.columns < 1 << 18
    }

    private var leftStride: Int { (c.rows + PanelProduct.rowWidth - 1) / PanelProduct.rowWidth * leftPanel }
    private var leftPanel: Int { PanelProduct.rowWidth * words }
    private var rightStride: Int { columnPanels * PanelProduct.columnWidth * words }
    /// Words of all packed left and right sides.
    var leftSize: Int { leftCount * leftStride }
    var rightSize: Int { rightCount * rightStride }

    func packLeft(_ item: Int, into left: UnsafeMutablePointer<UInt32>) {
        let (index, row) = (item / rowBlocks, item % rowBlocks * PanelProduct.rowBlock)
        ck_pack(
            left + index * leftStride + row * words, Int64(PanelProduct.rowWidth),
            a.view.address(plus: batch.offset(index, view: 0) + row * a.rowStep), a.view.dtype.code, Int64(a.rowStep),
            Int64(a.columnStep), Int64(min(PanelProduct.rowBlock, c.rows - row)), Int64(a.columns), 0)
    }

    func packRight(_ item: Int, into right: UnsafeMutablePointer<UInt32>) {
        let (index, column) = (item / columnBlocks, item % columnBlocks * PanelProduct.columnBlock)
        ck_pack(
            right + index * rightStride + column * words, Int64(PanelProduct.columnWidth),
            b.view.address(plus: batch.offset(index, view: 1) + column * b.columnStep), b.view.dtype.code,
            Int64(b.columnStep), Int64(b.rowStep), Int64(min(PanelProduct.columnBlock, c.columns - column)),
            Int64(a.columns), 0)
    }

    /// One block of the result; rows follow each other, so that the next ones are fetched meanwhile.
    func multiply(_ left: UnsafePointer<UInt32>, _ right: UnsafePointer<UInt32>, _ item: Int) {
        let (index, block) = (item / (rowBlocks * columnBlocks), item % (rowBlocks * columnBlocks))
        let (row, column) = (block % rowBlocks * PanelProduct.rowBlock, block / rowBlocks * PanelProduct.columnBlock)
        let next = row + PanelProduct.rowBlock < c.rows ? row + PanelProduct.rowBlock : 0
        let panels = left + (leftCount == 1 ? 0 : index) * leftStride
        var call = describe(
            index, row: row, column: column, rows: PanelProduct.rowBlock, columns: PanelProduct.columnBlock)
        ck_panel_product(
            &call, panels + row * words, right + (rightCount == 1 ? 0 : index) * rightStride + column * words,
            Int64(words), panels + next * words)
    }

    /// All rows of one panel of columns.
    func multiplyFew(_ left: UnsafePointer<UInt32>, _ item: Int) {
        let (index, column) = (item / columnPanels, item % columnPanels * PanelProduct.columnWidth)
        var call = describe(index, row: 0, column: column, rows: c.rows, columns: PanelProduct.columnWidth)
        ck_few_rows_product(
            &call, left + (leftCount == 1 ? 0 : index) * leftStride,
            b.view.address(plus: batch.offset(index, view: 1) + column * b.columnStep), Int64(b.columnStep),
            Int64(b.rowStep), Int64(a.columns))
    }

    private func describe(_ index: Int, row: Int, column: Int, rows: Int, columns: Int) -> ck_product {
        ck_product(
            m: Int64(min(rows, c.rows - row)), n: Int64(min(columns, c.columns - column)), type: a.view.dtype.code,
            c_type: c.view.dtype.code, alpha: alpha, beta: beta,
            c: c.view.address(plus: batch.offset(index, view: 2) + row * ldc + column), ldc: Int64(ldc))
    }
}
