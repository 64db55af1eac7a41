import Subprocess

extension TerminationStatus {
    /// The status as a shell says it: 128 plus the signal's number for a process that a signal ended.
    var number: Int32 {
        switch self {
        case .exited(let status): status
        case .signaled(let signal): 128 + signal
        }
    }
}
