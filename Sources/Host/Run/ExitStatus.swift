import Core
import DataLoader
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
        case let failed as RanksFailed: failed.status
        case is RunStopped: .stoppedByPolicy
        case is PeerLost, is PeerSilent, is TransportProblem: .peerLost
        case is InputError, is GenerationError, is ModelConfigError, is WeightsError, is DataError, is SampleError,
            is TokenizerError, is PluginError, is PluginErrors:
            .wrongInput
        default: .failed
        }
    }
}

/// Ends a command with a status when everything worth saying has been said.
struct CommandEnded: Error {
    let status: ExitStatus
}
