import ArgumentParser
import Dispatch
import Synchronization

/// A command whose work is asynchronous.
protocol AsynchronousCommand: ParsableCommand, Sendable {
    /// Does the work.
    func work() async throws
}

extension AsynchronousCommand {
    func run() throws { try AsyncWork.wait { [self] in try await work() } }
}

/// Asynchronous work, which the main thread waits for.
private enum AsyncWork {
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
