import Dispatch
import Foundation
import Synchronization

/// SIGTERM, SIGINT and SIGUSR1 are passed on to the ranks, who checkpoint and leave, and leave at once on a second one; a
/// third ends mpirun.
package final class StopForwarding {
    private let job = ForwardedJob()
    private let sources: [any DispatchSourceSignal]

    /// - Parameter signals: which this process handles from now on.
    package init(_ signals: [Int32] = [SIGTERM, SIGINT, SIGUSR1]) {
        sources = signals.map { [job] number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { job.ask() }
            source.resume()
            return source
        }
        // Whoever started this process may have blocked them, and mpirun would inherit that.
        var set = sigset_t()
        sigemptyset(&set)
        for number in signals { sigaddset(&set, number) }
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    deinit {
        for source in sources { source.cancel() }
    }

    var isAsked: Bool { job.isAsked }

    /// From now on requests go to this process; nil = it has ended.
    func forward(to process: pid_t?) { job.set(process) }
}

/// Who gets the requests; shared with the thread that receives them.
private final class ForwardedJob: Sendable {
    private struct State {
        var requests = 0
        var process: pid_t?
    }

    private let state = Mutex(State())

    var isAsked: Bool { state.withLock { $0.requests > 0 } }

    func set(_ process: pid_t?) { state.withLock { $0.process = process } }

    func ask() {
        state.withLock { state in
            state.requests += 1
            // mpirun passes SIGUSR1 on, and ends every rank on SIGTERM before it can checkpoint.
            if let process = state.process { kill(process, state.requests <= 2 ? SIGUSR1 : SIGTERM) }
        }
    }
}
