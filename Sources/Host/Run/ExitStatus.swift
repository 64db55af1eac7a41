import Core
import DataLoader
import Forks
import Foundation
import PluginAPI
import Text

/// How a command ends (contract: "Exit codes").
public enum ExitStatus: Int32, Sendable {
    case done = 0
    case failed = 1
    /// The input was wrong: do not retry.
    case wrongInput = 2
    /// The check's answer is no.
    case answerIsNo = 3
    /// A peer was lost: retry.
    case peerLost = 21
    /// Checkpointed on request: retry.
    case stoppedOnRequest = 22
    /// Stopped by policy, e.g. a loss that is not finite.
    case stoppedByPolicy = 23

    init(of error: any Error) {
        self = switch error {
        case let status as CommandEnded: status.status
        case is RunStopped: .stoppedByPolicy
        case is PeerLost, is PeerSilent, is TransportProblem: .peerLost
        case is InputError, is GenerationError, is ModelConfigError, is WeightsError, is DataError, is SampleError,
            is TokenizerError, is PluginError, is PluginErrors, is ForkError:
            .wrongInput
        default: .failed
        }
    }
}

extension ExitStatus {
    /// What the status of another process says; 128 plus a signal's number for one that a signal ended.
    ///
    /// A process that someone ended is a lost peer. One that ended itself by a fault would do so again.
    init(ofProcess status: Int32) {
        let faults = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS]
        let wasEnded = 1..<32 ~= status - 128 && !faults.contains(status - 128)
        self = ExitStatus(rawValue: status) ?? (wasEnded ? .peerLost : .failed)
    }

    /// In words.
    var meaning: String {
        switch self {
        case .done: "done"
        case .failed: "failed"
        case .wrongInput: "its input was wrong"
        case .answerIsNo: "the check's answer is no"
        case .peerLost: "a peer was lost"
        case .stoppedOnRequest: "stopped on request"
        case .stoppedByPolicy: "stopped by policy"
        }
    }
}

/// Ends a command with a status when everything worth saying has been said.
struct CommandEnded: Error {
    let status: ExitStatus
}
