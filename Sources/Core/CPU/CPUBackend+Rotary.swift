// B batch, T tokens, H heads, D head size, R rotated dims

import CKernels

extension CPUBackend {
    func supports(_ rotary: Rotary) -> Bool {
        [rotary.x, rotary.y].allSatisfy { $0.dtype.isSingle && $0.hasDenseRows }
            && [rotary.cosine, rotary.sine].allSatisfy { $0.dtype.isSingle } && rotary.positions.dtype == .int32
    }

    func rotary(_ rotary: Rotary) {
        let (x, y) = (rotary.x, rotary.y)
        let (tokens, heads, size, half) = (x.shape[1], x.shape[2], x.shape[3], rotary.cosine.shape[1])
        let (cosine, sine) = (denseFloats(rotary.cosine), denseFloats(rotary.sine))
        let sign: Float = rotary.inverse ? -1 : 1
        pool.parallelRanges(x.shape[0] * tokens, grain: (1 << 13) / max(heads * size, 1)) { range, _ in
            for token in range {
                let (b, t) = (token / tokens, token % tokens)
                let place = b * rotary.positions.strides[0] + t * rotary.positions.strides[1]
                let position = Int(rotary.positions.address(plus: place).load(as: Int32.self))
                precondition(
                    position >= 0 && position < cosine.shape[0],
                    "rotary: position \(position) is outside tables of \(cosine.shape[0]) positions")
                ck_rotary(
                    y.address(plus: b * y.strides[0] + t * y.strides[1]), y.dtype.code,
                    x.address(plus: b * x.strides[0] + t * x.strides[1]), x.dtype.code, Int64(y.strides[2]),
                    Int64(x.strides[2]), Int64(heads), Int64(size), Int64(half), cosine.floats + position * half,
                    sine.floats + position * half, sign)
            }
        }
        withExtendedLifetime((cosine, sine)) {}
    }
}
