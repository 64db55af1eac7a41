internal import CZlib
internal import CZstd

extension Compression {
    /// Compresses a whole file in one piece, as every reader of MDS expects.
    ///
    /// zstd frames carry their content size (readers refuse them otherwise) and a checksum of the content.
    ///
    /// - Throws: ``DataError`` when the library fails.
    func compress(_ bytes: UnsafeRawBufferPointer) throws -> [UInt8] {
        switch algorithm {
        case .zstd: try zstd(bytes)
        case .gz: try gzip(bytes)
        }
    }

    private func zstd(_ bytes: UnsafeRawBufferPointer) throws -> [UInt8] {
        guard let context = ZSTD_createCCtx() else { throw DataError("cannot compress: there is no memory for zstd") }
        defer { ZSTD_freeCCtx(context) }
        for (parameter, value) in [(ZSTD_c_compressionLevel, Int32(level)), (ZSTD_c_checksumFlag, 1)] {
            let code = ZSTD_CCtx_setParameter(context, parameter, value)
            guard ZSTD_isError(code) == 0 else { throw Compression.zstdError(code) }
        }
        let bound = ZSTD_compressBound(bytes.count)
        return try [UInt8](unsafeUninitializedCapacity: bound) { out, count in
            let size = ZSTD_compress2(context, out.baseAddress, bound, bytes.baseAddress, bytes.count)
            guard ZSTD_isError(size) == 0 else { throw Compression.zstdError(size) }
            count = size
        }
    }

    static func zstdError(_ code: Int) -> DataError {
        DataError("zstd failed: \(String(cString: ZSTD_getErrorName(code)))")
    }

    private func gzip(_ bytes: UnsafeRawBufferPointer) throws -> [UInt8] {
        var stream = z_stream()
        // 15 + 16: the largest window, with a gzip header. The header has no time, so equal data give equal files.
        var code = deflateInit2_(
            &stream, Int32(level), Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { throw DataError("gzip failed with code \(code)") }
        defer { deflateEnd(&stream) }
        let bound = Int(deflateBound(&stream, UInt(bytes.count)))
        return try [UInt8](unsafeUninitializedCapacity: bound) { out, count in
            stream.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
            stream.avail_in = UInt32(bytes.count)
            stream.next_out = out.baseAddress
            stream.avail_out = UInt32(bound)
            code = deflate(&stream, Z_FINISH)
            guard code == Z_STREAM_END else { throw DataError("gzip failed with code \(code)") }
            count = bound - Int(stream.avail_out)
        }
    }
}
