// N rows, F hidden features

import CKernels

extension CPUBackend {
    /// Whether the kernels below take the views: of one type, with dense rows.
    func isRowwise(_ views: [BufferView]) -> Bool {
        views.allSatisfy { $0.dtype.isSingle && $0.dtype == views[0].dtype && $0.dimCount == 2 && $0.hasDenseRows }
    }

    func swiglu(_ unit: Swiglu) {
        eachRow(unit.y) { row, count in
            ck_swiglu(
                unit.y.row(row), unit.gate.row(row), unit.up.row(row), unit.y.dtype.code, count)
        }
    }

    func swigluBackward(_ unit: SwigluBackward) {
        eachRow(unit.dy) { row, count in
            ck_swiglu_backward(
                unit.dgate.row(row), unit.dup.row(row), unit.dy.row(row), unit.gate.row(row), unit.up.row(row),
                unit.dy.dtype.code, count)
        }
    }

    private func eachRow(_ view: BufferView, _ body: (_ row: Int, _ count: Int64) -> Void) {
        let (rows, columns) = (view.shape[0], view.shape[1])
        pool.parallelRanges(rows, grain: (1 << 13) / max(columns, 1)) { range, _ in
            for row in range { body(row, Int64(columns)) }
        }
    }
}

extension BufferView {
    /// The first element of a row of a matrix, in host memory.
    fileprivate func row(_ index: Int) -> UnsafeMutableRawPointer { address(plus: index * strides[0]) }
}
