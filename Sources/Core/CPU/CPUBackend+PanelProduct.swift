// M N K matrix dims

import CKernels

extension CPUBackend {
    /// c = alpha a b + beta c for a and b of one type, float32 or bfloat16, of any strides. A row of the result depends
    /// on that row of a alone, not on how many there are.
    func multiplyPanels(_ a: MatrixOperand, _ b: MatrixOperand, _ c: MatrixOperand, _ alpha: Float, _ beta: Float) {
        let depth = a.columns
        let type = a.view.dtype
        // Words along K: numbers, or pairs of bfloat16.
        let words = type == .bfloat16 ? (depth + 1) / 2 : depth
        let batch = StridedDomain(c.batchShape, [a.batchStrides, b.batchStrides, c.batchStrides])
        let batchCount = batch.elementCount
        let (rowPanels, columnPanels) = (
            panels(c.rows, Int(CK_PANEL_ROWS)), panels(c.columns, Int(CK_PANEL_COLUMNS))
        )
        // What the batch repeats is packed once.
        let aCount = a.batchStrides.allSatisfy { $0 == 0 } ? 1 : batchCount
        let bCount = b.batchStrides.allSatisfy { $0 == 0 } ? 1 : batchCount
        let (aSize, bSize) = (rowPanels * words * Int(CK_PANEL_ROWS), columnPanels * words * Int(CK_PANEL_COLUMNS))
        let ldc = c.rows == 1 ? c.columns : c.rowStride
        let isSmall = batchCount * c.rows * c.columns * depth < 1 << 18
        scratch(aCount * aSize + bCount * bSize, of: UInt32.self) { left in
            let right = left + aCount * aSize
            let grain = isSmall ? Int.max : 1
            pool.parallelRanges(aCount * rowPanels, grain: grain) { range, _ in
                for item in range {
                    let first = item % rowPanels * Int(CK_PANEL_ROWS)
                    let start = batch.offset(item / rowPanels, view: 0) + first * a.rowStep
                    pack(
                        left + item * words * Int(CK_PANEL_ROWS), Int(CK_PANEL_ROWS), a.view, start, a.rowStep,
                        a.columnStep, min(Int(CK_PANEL_ROWS), c.rows - first), depth)
                }
            }
            pool.parallelRanges(bCount * columnPanels, grain: grain) { range, _ in
                for item in range {
                    let first = item % columnPanels * Int(CK_PANEL_COLUMNS)
                    let start = batch.offset(item / columnPanels, view: 1) + first * b.columnStep
                    pack(
                        right + item * words * Int(CK_PANEL_COLUMNS), Int(CK_PANEL_COLUMNS), b.view, start,
                        b.columnStep, b.rowStep, min(Int(CK_PANEL_COLUMNS), c.columns - first), depth)
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
                        left + (aCount == 1 ? 0 : index) * aSize + row * words,
                        right + (bCount == 1 ? 0 : index) * bSize + column * words, type.code,
                        Int64(min(rowBlock, c.rows - row)), Int64(min(columnBlock, c.columns - column)), Int64(words),
                        alpha, beta,
                        c.view.address(plus: batch.offset(index, view: 2) + row * ldc + column), c.view.dtype.code,
                        Int64(ldc))
                }
            }
        }
    }

    private func panels(_ count: Int, _ width: Int) -> Int { (count + width - 1) / width }

    private func pack(
        _ panel: UnsafeMutablePointer<UInt32>, _ width: Int, _ view: BufferView, _ start: Int, _ stride: Int,
        _ depthStride: Int, _ count: Int, _ depth: Int
    ) {
        let from = UnsafeRawPointer(view.address(plus: start))
        if view.dtype == .bfloat16 {
            ck_pack_pairs(
                panel, Int64(width), from.assumingMemoryBound(to: UInt16.self), Int64(stride), Int64(depthStride),
                Int64(count), Int64(depth))
        } else {
            ck_pack_floats(
                panel, Int64(width), from.assumingMemoryBound(to: Float.self), Int64(stride), Int64(depthStride),
                Int64(count), Int64(depth))
        }
    }
}
