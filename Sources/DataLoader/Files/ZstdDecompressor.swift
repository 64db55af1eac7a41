internal import CZstd

/// zstd, one frame or several, skippable frames too.
final class ZstdDecompressor: Decompressor {
    private let context: OpaquePointer
    private var output: ZSTD_outBuffer
    private var pending = 0

    init(into output: UnsafeMutableRawBufferPointer) throws {
        guard let context = ZSTD_createDCtx() else { throw Damage(problem: "there is no memory for zstd") }
        self.context = context
        self.output = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        // "Stable output buffer": zstd then keeps no window of its own (as large as the shard, for these frames).
        _ = ZSTD_DCtx_setParameter(context, ZSTD_d_experimentalParam2, 1)
    }

    deinit { ZSTD_freeDCtx(context) }

    var produced: Int { output.pos }
    var isComplete: Bool { pending == 0 }

    func update(_ input: UnsafeRawBufferPointer) throws {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        while source.pos < source.size {
            let before = (source.pos, output.pos)
            pending = ZSTD_decompressStream(context, &output, &source)
            guard ZSTD_isError(pending) == 0 else {
                throw Damage(problem: "zstd: \(String(cString: ZSTD_getErrorName(pending)))")
            }
            guard (source.pos, output.pos) != before else {
                throw Damage(problem: "it holds more than the \(output.size) bytes that the index gives")
            }
        }
    }
}
