/// A forward pass kept as the operations that it ran, to be run again on other contents of the same buffers.
///
/// A step of one token is hundreds of tiny operations; deciding anew what they are takes longer than many of them.
final class RecordedPass {
    private let runtime: Runtime
    private let operations: ContiguousArray<Operation>
    /// What the pass writes, each time anew.
    let result: Tensor

    /// Runs `body` once and keeps its operations.
    /// - Parameter body: runs everything on the runtime that it is given, and reads nothing back.
    init(_ runtime: Runtime, _ body: (Runtime) -> Tensor) {
        let recorder = RecordingBackend(runtime.backend)
        result = Tensor(body(Runtime(recorder)).view, runtime)
        operations = ContiguousArray(recorder.operations)
        self.runtime = runtime
    }

    func run() {
        // Read in place: each copy of an operation would count the references of all its views.
        for index in operations.indices { runtime.run(operations[index]) }
    }
}

/// Runs and keeps operations. The views in them keep their buffers.
private final class RecordingBackend: Backend {
    private let inner: any Backend
    private(set) var operations: [Operation] = []

    init(_ inner: any Backend) { self.inner = inner }

    var capabilities: Capabilities { inner.capabilities }
    func allocate(byteCount: Int) -> Buffer { inner.allocate(byteCount: byteCount) }
    func supports(_ operation: Operation) -> Bool { inner.supports(operation) }
    func synchronize() { inner.synchronize() }

    func copy(_ transfer: Transfer) {
        if case .toHost = transfer {
            preconditionFailure("recorded pass: what is read back once would not be read again")
        }
        inner.copy(transfer)
    }

    func run(_ operation: Operation) {
        operations.append(operation)
        inner.run(operation)
    }
}
