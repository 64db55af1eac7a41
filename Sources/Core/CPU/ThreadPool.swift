import CKernels

/// A fixed number of threads that share loops; they sleep while there is nothing to do.
///
/// The pool belongs to one thread of control, which takes part as worker 0. Which worker runs an index may differ from
/// run to run, so bodies are functions of the index; `worker` only names scratch memory.
final class ThreadPool {
    let threadCount: Int
    /// Nil in a pool that does nothing.
    private let handle: OpaquePointer?

    init(threadCount: Int) {
        precondition(threadCount >= 1, "thread pool: \(threadCount) threads asked for, at least 1 is needed")
        guard let handle = ck_pool_create(Int32(threadCount)) else {
            fatalError("thread pool: the system refused to start \(threadCount) threads")
        }
        self.threadCount = threadCount
        self.handle = handle
    }

    /// A pool that passes for one of `idleThreads` threads and leaves all work undone, see `CountingBackend`.
    init(idleThreads: Int) {
        threadCount = idleThreads
        handle = nil
    }

    deinit { if let handle { ck_pool_destroy(handle) } }

    /// Calls `body` once for each index in 0..<count and returns when all are done.
    func parallel(_ count: Int, _ body: (_ index: Int, _ worker: Int) -> Void) {
        guard let handle else { return }
        if count <= 1 || threadCount == 1 {
            for index in 0..<max(count, 0) { body(index, 0) }
            return
        }
        typealias Body = (Int, Int) -> Void
        withoutActuallyEscaping(body) { escapable in
            // The workers read the closure through this pointer only while ck_pool_run waits for them.
            withUnsafePointer(to: escapable) { pointer in
                ck_pool_run(
                    handle, Int64(count),
                    { context, index, worker in
                        context?.assumingMemoryBound(to: Body.self).pointee(Int(index), Int(worker))
                    }, UnsafeMutableRawPointer(mutating: pointer))
            }
        }
    }

    /// Splits 0..<count into contiguous ranges of at least `grain` indices, a few for each thread.
    func parallelRanges(_ count: Int, grain: Int, _ body: (_ range: Range<Int>, _ worker: Int) -> Void) {
        let pieces = max(1, min(threadCount * 4, count / max(grain, 1)))
        parallel(pieces) { piece, worker in
            body(count * piece / pieces..<count * (piece + 1) / pieces, worker)
        }
    }
}
