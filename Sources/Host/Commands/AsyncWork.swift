import Dispatch
import Synchronization

/// Runs asynchronous work to its end from a synchronous command; the calling thread sleeps meanwhile.
enum AsyncWork {
    static func run(_ body: sending @escaping () async throws -> Void) throws {
        let ending = Ending()
        let isDone = DispatchSemaphore(value: 0)
        Task {
            do {
                try await body()
            } catch {
                ending.error.withLock { $0 = error }
            }
            isDone.signal()
        }
        isDone.wait()
        if let error = ending.error.withLock({ $0 }) { throw error }
    }

    private final class Ending: Sendable {
        let error = Mutex<(any Error)?>(nil)
    }
}
