/// What a rank computes with: its backend, and where notices go. Handed down at construction; nothing is global.
public final class Runtime {
    public let backend: any Backend
    /// Records operations while it is asked to; nil = never.
    public let recorder: OperationRecorder?
    private let notices: Notices

    /// - Parameters:
    ///   - backend: runs the operations.
    ///   - recorder: sees every operation, for profiles.
    ///   - notice: receives sentences worth logging, each once.
    public init(
        _ backend: any Backend, recorder: OperationRecorder? = nil, notice: @escaping (String) -> Void = { _ in }
    ) {
        self.backend = backend
        self.recorder = recorder
        notices = Notices(notice)
    }

    private init(_ backend: any Backend, _ notices: Notices) {
        self.backend = backend
        self.notices = notices
        recorder = nil
    }

    /// A runtime for a backend that gives its operations to this one: nothing is recorded or said twice.
    func over(_ backend: any Backend) -> Runtime { Runtime(backend, notices) }

    /// Runs an operation; one that the backend does not support is composed from primitives, which is said once.
    public func run(_ operation: Operation) {
        guard let recorder else { return execute(operation) }
        recorder.record(operation.name, on: backend, work: { Profile.Work(operation) }) { execute(operation) }
    }

    /// Does something with tensors that is no operation: an exchange with other ranks.
    /// - Parameters:
    ///   - reads: what it reads.
    ///   - writes: what it fills.
    ///   - body: does it, with tensors of the runtime that it receives. Where a pass is done again in backward, it is left
    ///     out or called later, by all ranks alike.
    public func exchange(
        reading reads: [BufferView], writing writes: [BufferView], _ body: @escaping (_ runtime: Runtime) -> Void
    ) {
        if let pass = backend as? any PassBackend { pass.exchange(reads, writes, body) } else { body(self) }
    }

    /// Runs `body`; a recording shows it as a stretch of time of this name around its operations.
    public func phase<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
        guard let recorder else { return try body() }
        return try recorder.record(name, on: backend, work: { nil }, body)
    }

    private func execute(_ operation: Operation) {
        if backend.supports(operation) {
            backend.run(operation)
            return
        }
        precondition(!operation.isPrimitive, "backend '\(backend.capabilities.name)' lacks the primitive \(operation)")
        notices.sayOnce("\(backend.capabilities.name): '\(operation.name)' is composed from primitive operations")
        Composition(self).run(operation)
    }

    /// A tensor with undefined contents.
    public func empty(_ shape: [Int], _ dtype: DType) -> Tensor {
        let byteCount = shape.reduce(1, *) * dtype.byteCount
        return Tensor(BufferView(buffer: backend.allocate(byteCount: byteCount), shape: shape, dtype: dtype), self)
    }

    /// A tensor whose memory is not there yet, see `Buffer.load`.
    func unloaded(_ shape: [Int], _ dtype: DType) -> Tensor {
        let tensor = empty(shape, dtype)
        tensor.view.buffer.unload()
        return tensor
    }

    /// A tensor of one repeated value.
    public func full(_ shape: [Int], _ dtype: DType, _ value: Double) -> Tensor {
        let tensor = empty(shape, dtype)
        run(.fill(tensor.view, value: value))
        return tensor
    }

    /// A tensor of zeros.
    public func zeros(_ shape: [Int], _ dtype: DType) -> Tensor { full(shape, dtype, 0) }
}

/// Sentences that are said once each.
private final class Notices {
    private let notice: (String) -> Void
    private var said: Set<String> = []

    init(_ notice: @escaping (String) -> Void) { self.notice = notice }

    func sayOnce(_ sentence: String) {
        if said.insert(sentence).inserted { notice(sentence) }
    }
}
