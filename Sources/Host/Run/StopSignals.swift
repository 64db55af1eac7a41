import Dispatch
import Foundation
import Synchronization

/// SIGTERM, SIGINT and SIGUSR1 ask the run to checkpoint and leave with 22; a second one leaves at once.
final class StopSignals: Sendable {
    private let count = Mutex(0)
    private let sources: Mutex<[any DispatchSourceSignal]> = Mutex([])

    init() {
        for number in [SIGTERM, SIGINT, SIGUSR1] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [weak self] in self?.received() }
            source.resume()
            sources.withLock { $0.append(source) }
        }
    }

    deinit {
        for source in sources.withLock({ $0 }) { source.cancel() }
    }

    var isAsked: Bool { count.withLock { $0 > 0 } }

    private func received() {
        let number = count.withLock { count in
            count += 1
            return count
        }
        if number > 1 { _exit(ExitStatus.stoppedOnRequest.rawValue) }
        StandardError.write("asked to stop: checkpointing after this step (again to leave at once)")
    }
}
