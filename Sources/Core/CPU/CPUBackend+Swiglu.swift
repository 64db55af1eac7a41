// N rows, F hidden features

import CKernels

extension CPUBackend {
    /// Whether the kernels below take the views: of one type, with dense rows.
    func isRowwise(_ views: [BufferView]) -> Bool {
        views.allSatisfy { $0.dtype.isSingle && $0.dtype == views[0].dtype && $0.dimCount == 2 && $0.hasDenseRows }
    }

    func swiglu(_ unit: Swiglu) {
        var call = CPUBackend.describe(unit.gate, unit.up)
        (call.y, call.y_stride) = (unit.y.address, Int64(unit.y.strides[0]))
        eachRows(unit.gate, call) { ck_swiglu($0, $1, $2) }
    }

    func swigluBackward(_ unit: SwigluBackward) {
        var call = CPUBackend.describe(unit.gate, unit.up)
        (call.dy, call.dy_stride) = (UnsafeRawPointer(unit.dy.address), Int64(unit.dy.strides[0]))
        (call.dgate, call.dgate_stride) = (unit.dgate.address, Int64(unit.dgate.strides[0]))
        (call.dup, call.dup_stride) = (unit.dup.address, Int64(unit.dup.strides[0]))
        eachRows(unit.gate, call) { ck_swiglu_backward($0, $1, $2) }
    }

    private func eachRows(
        _ view: BufferView, _ call: ck_swiglu_rows,
        _ body: (_ call: UnsafePointer<ck_swiglu_rows>, _ first: Int64, _ end: Int64) -> Void
    ) {
        withUnsafePointer(to: call) { call in
            pool.parallelRanges(view.shape[0], grain: (1 << 13) / max(view.shape[1], 1)) { range, _ in
                body(call, Int64(range.lowerBound), Int64(range.upperBound))
            }
        }
    }

    private static func describe(_ gate: BufferView, _ up: BufferView) -> ck_swiglu_rows {
        var call = ck_swiglu_rows()
        call.type = gate.dtype.code
        call.columns = Int64(gate.shape[1])
        (call.gate, call.gate_stride) = (UnsafeRawPointer(gate.address), Int64(gate.strides[0]))
        (call.up, call.up_stride) = (UnsafeRawPointer(up.address), Int64(up.strides[0]))
        return call
    }
}
