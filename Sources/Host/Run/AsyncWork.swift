import Dispatch
import Synchronization

/// Asynchronous work of a command, which the main thread waits for.
enum AsyncWork {
    /// Runs `work` on the pool of the language and blocks the calling thread until it is done; for main threads alone.
    static func wait(for work: @escaping @Sendable () async throws -> Void) throws {
        let ending = Ending()
        Task.detached {
            do {
                try await work()
                ending.set(.success(()))
            } catch {
                ending.set(.failure(error))
            }
        }
        try ending.wait()
    }

    /// What came of the work.
    private final class Ending: Sendable {
        private let result = Mutex<Result<Void, any Error>?>(nil)
        private let done = DispatchSemaphore(value: 0)

        func set(_ value: Result<Void, any Error>) {
            result.withLock { $0 = value }
            done.signal()
        }

        func wait() throws {
            done.wait()
            try result.withLock { $0 }?.get()
        }
    }
}
