// M N K matrix dims

import CKernels

extension CPUBackend {
    /// c = alpha a b + beta c for bfloat16 a and b of any strides, with the CPU's bfloat16 dot product.
    func multiplyPanels(_ a: MatrixOperand, _ b: MatrixOperand, _ c: MatrixOperand, _ alpha: Float, _ beta: Float) {
        let depth = a.columns
        let pairs = (depth + 1) / 2
        let batch = StridedDomain(c.batchShape, [a.batchStrides, b.batchStrides, c.batchStrides])
        let batchCount = batch.elementCount
        let (rowPanels, columnPanels) = (
            panels(c.rows, Int(CK_PANEL_ROWS)), panels(c.columns, Int(CK_PANEL_COLUMNS))
        )
        // What the batch repeats is packed once.
        let (aCount, bCount) = (
            a.batchStrides.allSatisfy { $0 == 0 } ? 1 : batchCount, b.batchStrides.allSatisfy { $0 == 0 } ? 1 : batchCount
        )
        let (aSize, bSize) = (rowPanels * pairs * Int(CK_PANEL_ROWS), columnPanels * pairs * Int(CK_PANEL_COLUMNS))
        let ldc = c.rows == 1 ? c.columns : c.rowStride
        let isSmall = batchCount * c.rows * c.columns * depth < 1 << 18
        scratch(aCount * aSize + bCount * bSize, of: UInt32.self) { left in
            let right = left + aCount * aSize
            let grain = isSmall ? Int.max : 1
            pool.parallelRanges(aCount * rowPanels, grain: grain) { range, _ in
                for item in range {
                    let first = item % rowPanels * Int(CK_PANEL_ROWS)
                    let start = batch.offset(item / rowPanels, view: 0) + first * a.rowStep
                    ck_pack_pairs(
                        left + item * pairs * Int(CK_PANEL_ROWS), Int64(CK_PANEL_ROWS), a.view.words(start),
                        Int64(a.rowStep), Int64(a.columnStep), Int64(min(Int(CK_PANEL_ROWS), c.rows - first)),
                        Int64(depth))
                }
            }
            pool.parallelRanges(bCount * columnPanels, grain: grain) { range, _ in
                for item in range {
                    let first = item % columnPanels * Int(CK_PANEL_COLUMNS)
                    let start = batch.offset(item / columnPanels, view: 1) + first * b.columnStep
                    ck_pack_pairs(
                        right + item * pairs * Int(CK_PANEL_COLUMNS), Int64(CK_PANEL_COLUMNS), b.view.words(start),
                        Int64(b.columnStep), Int64(b.rowStep),
                        Int64(min(Int(CK_PANEL_COLUMNS), c.columns - first)), Int64(depth))
                }
            }
            // Blocks of 8 panels each way: the right ones stay in the second-level cache while the left ones pass.
            let (rowBlock, columnBlock) = (8 * Int(CK_PANEL_ROWS), 8 * Int(CK_PANEL_COLUMNS))
            let (rowBlocks, columnBlocks) = (panels(c.rows, rowBlock), panels(c.columns, columnBlock))
            pool.parallelRanges(batchCount * rowBlocks * columnBlocks, grain: grain) { range, _ in
                for item in range {
                    let index = item / (rowBlocks * columnBlocks)
                    let row = item % rowBlocks * rowBlock
                    let column = item / rowBlocks % columnBlocks * columnBlock
                    ck_panel_product(
                        left + (aCount == 1 ? 0 : index) * aSize + row * pairs,
                        right + (bCount == 1 ? 0 : index) * bSize + column * pairs, Int64(min(rowBlock, c.rows - row)),
                        Int64(min(columnBlock, c.columns - column)), Int64(depth), alpha, beta,
                        c.view.address(plus: batch.offset(index, view: 2) + row * ldc + column), c.view.dtype.code,
                        Int64(ldc))
                }
            }
        }
    }

    private func panels(_ count: Int, _ width: Int) -> Int { (count + width - 1) / width }
}

extension BufferView {
    /// Element `index` of a bfloat16 view, as its bits.
    fileprivate func words(_ index: Int) -> UnsafePointer<UInt16> {
        UnsafePointer(address(plus: index).assumingMemoryBound(to: UInt16.self))
    }
}
