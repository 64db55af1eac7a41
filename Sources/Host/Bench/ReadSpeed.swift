import Core

/// How fast the threads of the CPU backend read memory: one pass over an array at a time, so that passes can lie between
/// the runs that they are compared with. The bandwidth of a shared machine changes from one second to the next.
struct ReadSpeed {
    private let backend: CPUBackend
    private let array: BufferView

    /// Takes an array of about `byteCount` bytes; nil where host threads do not read memory.
    init?(_ runtime: Runtime, byteCount: Int) {
        guard let cpu = runtime.backend as? CPUBackend else { return nil }
        backend = cpu
        array = runtime.full([max(byteCount / 4, 1)], .float32, 1).view
    }

    /// Bytes a second of one pass.
    func bytesPerSecond() -> Double {
        let bytes = Double(array.elementCount * array.dtype.byteCount)
        return bytes / Stopwatch.seconds { backend.readThrough(array) }
    }
}
