import Foundation

/// What ended a job of ranks, as mpirun tells it.
package struct RankFailure: Sendable, Equatable, CustomStringConvertible {
    package enum Cause: Sendable, Equatable {
        /// It left with a status.
        case status(Int32)
        /// A signal ended it.
        case signal(Int32)
        /// It left without a word to the others.
        case vanished
        /// Its whole machine does not answer any more.
        case machineLost
    }

    /// Nil where a machine was lost.
    package let rank: Int?
    package let machine: String?
    package let cause: Cause

    package init(rank: Int?, machine: String?, cause: Cause) {
        (self.rank, self.machine, self.cause) = (rank, machine, cause)
    }

    /// Reads a remark of mpirun of Open MPI 4 (ORTE) or 5 (PRRTE), which break their lines at different places.
    /// - Returns: nil for a remark on something else.
    package init?(remark: String) {
        let text = remark.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if let found = text.firstMatch(of: #/process rank (\d+) with PID \d+ on node (\S+) exited on signal (\d+)/#),
            let rank = Int(found.1), let signal = Int32(found.3)
        {
            self.init(rank: rank, machine: String(found.2), cause: .signal(signal))
        } else if let found = text.firstMatch(of: #/Process name: \[.*,(\d+)\] Exit code: (\d+)/#), let rank = Int(found.1),
            let status = Int32(found.2)
        {
            self.init(rank: rank, machine: nil, cause: .status(status))
        } else if let found = text.firstMatch(of: #/MPI_ABORT was invoked on rank (\d+) .*[Ee]rrorcode:? (\d+)/#),
            let rank = Int(found.1), let status = Int32(found.2)
        {
            self.init(rank: rank, machine: nil, cause: .status(status))
        } else if let found = text.firstMatch(of: #/exited due to process rank (\d+) with PID \d+ on node (\S+)/#),
            let rank = Int(found.1)
        {
            self.init(rank: rank, machine: String(found.2), cause: .vanished)
        } else if let found = text.firstMatch(of: #/lost communication with a remote daemon.*Remote daemon: \S+ on node (\S+)/#) {
            self.init(rank: nil, machine: String(found.1), cause: .machineLost)
        } else {
            return nil
        }
    }

    /// How `launch` ends after it.
    package var status: ExitStatus {
        switch cause {
        case .machineLost: .peerLost
        case .vanished: .failed
        case .status(let status): ExitStatus(ofProcess: status)
        case .signal(let signal): ExitStatus(ofProcess: 128 + signal)
        }
    }

    package var description: String {
        let who = rank.map { "rank \($0)" } ?? "a rank"
        let where_ = machine.map { " on \($0)" } ?? ""
        return switch cause {
        case .machineLost: "the machine \(machine ?? "of \(who)") does not answer any more"
        case .vanished: "\(who)\(where_) left without telling the others"
        case .signal(let signal): "\(who)\(where_) was ended by signal \(signal) (\(RankFailure.name(signal)))"
        case .status(let status) where status > 128:
            "\(who)\(where_) left with \(status): signal \(status - 128) (\(RankFailure.name(status - 128)))"
        case .status(let status):
            "\(who)\(where_) left with \(status)" + (ExitStatus(rawValue: status).map { " (\($0.meaning))" } ?? "")
        }
    }

    private static func name(_ signal: Int32) -> String { strsignal(signal).map { String(cString: $0) } ?? "unknown" }
}
