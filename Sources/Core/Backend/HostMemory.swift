/// Host copies for backends whose memory is the host's.
enum HostMemory {
    static func copy(_ transfer: Transfer) {
        switch transfer {
        case .toDevice(let host, let view):
            check(view, host.count)
            guard let source = host.baseAddress, host.count > 0 else { return }
            start(view).copyMemory(from: source, byteCount: host.count)
        case .toHost(let view, let host):
            check(view, host.count)
            guard let target = host.baseAddress, host.count > 0 else { return }
            target.copyMemory(from: start(view), byteCount: host.count)
        }
    }

    private static func start(_ view: BufferView) -> UnsafeMutableRawPointer {
        view.buffer.address + view.offset * view.dtype.byteCount
    }

    private static func check(_ view: BufferView, _ byteCount: Int) {
        precondition(
            view.isContiguous && view.elementCount * view.dtype.byteCount == byteCount,
            "host copy: \(byteCount) bytes against \(view.shape) of \(view.dtype) with strides \(view.strides)")
    }
}
