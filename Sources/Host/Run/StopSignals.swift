import Dispatch
import Foundation
import Synchronization

/// SIGTERM, SIGINT and SIGUSR1 ask the run to checkpoint and leave with 22; a second one leaves at once.
final class StopSignals {
    private let received: ReceivedSignals
    private let sources: [any DispatchSourceSignal]

    /// - Parameter speaks: whether this rank says what all of them were asked.
    init(speaks: Bool) {
        let received = ReceivedSignals(speaks: speaks)
        self.received = received
        // A file-size limit becomes an error of the write, like a full disk.
        signal(SIGXFSZ, SIG_IGN)
        sources = [SIGTERM, SIGINT, SIGUSR1].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { received.add() }
            source.resume()
            return source
        }
    }

    deinit {
        for source in sources { source.cancel() }
    }

    var isAsked: Bool { received.isAny }
}

/// How many signals came; shared with the thread that receives them.
private final class ReceivedSignals: Sendable {
    private let count = Mutex(0)
    private let speaks: Bool

    init(speaks: Bool) { self.speaks = speaks }

    var isAny: Bool { count.withLock { $0 > 0 } }

    func add() {
        let number = count.withLock { count in
            count += 1
            return count
        }
        if number > 1 { _exit(ExitStatus.stoppedOnRequest.rawValue) }
        if speaks { StandardError.write("asked to stop: checkpointing after this step (again to leave at once)") }
    }
}
