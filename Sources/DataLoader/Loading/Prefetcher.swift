import Foundation

/// Makes batches ahead of their use on a thread of its own; at most `depth` wait at a time.
///
/// The thread holds this object, never the loader: it ends when it is told to, or when there is nothing more to make.
final class Prefetcher: @unchecked Sendable {
    // Proof of safety: every stored variable below is read and written only while `condition` is locked.
    private let condition = NSCondition()
    private var ready: [Result<[Sample], any Error>] = []
    private var isStopped = false
    private let depth: Int

    /// - Parameters:
    ///   - depth: batches that may wait.
    ///   - make: makes batch 0, 1, 2, ...; nil when there is none left.
    init(depth: Int, make: @escaping @Sendable (Int) throws -> [Sample]?) {
        self.depth = depth
        let thread = Thread { [self] in
            var number = 0
            while waitForRoom() {
                let result = Result { try make(number) }
                switch result {
                case .success(nil): return
                case .success(let samples?): deliver(.success(samples))
                case .failure(let error):
                    deliver(.failure(error))
                    return
                }
                number += 1
            }
        }
        thread.name = "prefetch"
        thread.start()
    }

    /// The next batch, waiting for it if need be. A failure stays: asking again throws it again.
    func next() throws -> [Sample] {
        condition.lock()
        defer { condition.unlock() }
        while ready.isEmpty { condition.wait() }
        if case .success = ready[0] {
            defer { condition.broadcast() }
            return try ready.removeFirst().get()
        }
        return try ready[0].get()
    }

    /// Lets the thread end after the sample that it is reading.
    func stop() {
        condition.lock()
        defer { condition.unlock() }
        isStopped = true
        ready = []
        condition.broadcast()
    }

    private func waitForRoom() -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while ready.count >= depth && !isStopped { condition.wait() }
        return !isStopped
    }

    private func deliver(_ result: Result<[Sample], any Error>) {
        condition.lock()
        defer { condition.unlock() }
        if !isStopped { ready.append(result) }
        condition.broadcast()
    }
}
