import Foundation

/// What ended a job of ranks.
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

    /// How the line begins that a rank's witness says when the rank has not left with 0.
    static let lastLine = "forktail launch: left with "

    /// Reads the line of a rank's witness: "<beginning>STATUS on MACHINE".
    init?(rank: Int, lastLine line: some StringProtocol) {
        let words = line.split(separator: " ")
        guard line.hasPrefix(RankFailure.lastLine), words.count == 7, let status = Int32(words[4]) else { return nil }
        self.init(rank: rank, machine: String(words[6]), cause: status > 128 ? .signal(status - 128) : .status(status))
    }

    /// Reads a remark of mpirun of Open MPI 4 (ORTE) or 5 (PRRTE), which break their lines at different places.
    /// - Returns: nil for a remark on something else.
    package init?(remark: String) {
        let text = remark.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if let found = text.firstMatch(of: #/process rank (\d+) with PID \d+ on node (\S+) exited on signal (\d+)/#),
            let rank = Int(found.1), let signal = Int32(found.3)
        {
            self.init(rank: rank, machine: String(found.2), cause: .signal(signal))
        } else if let found = text.firstMatch(of: #/Process name: \[.*,(\d+)\] Exit code: (\d+)/#),
            let rank = Int(found.1), let status = Int32(found.2)
        {
            self.init(rank: rank, machine: nil, cause: status > 128 ? .signal(status - 128) : .status(status))
        } else if let found = text.firstMatch(of: #/MPI_ABORT was invoked on rank (\d+) .*[Ee]rrorcode:? (\d+)/#),
            let rank = Int(found.1), let status = Int32(found.2)
        {
            self.init(rank: rank, machine: nil, cause: .status(status))
        } else if let found = text.firstMatch(of: #/exited due to process rank (\d+) with PID \d+ on node (\S+)/#),
            let rank = Int(found.1)
        {
            self.init(rank: rank, machine: String(found.2), cause: .vanished)
        } else if let found = text.firstMatch(of: #/lost communication .* Remote daemon: \S+ on node (\S+)/#) {
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
        let place = machine.map { " on \($0)" } ?? ""
        return switch cause {
        case .machineLost: "the machine \(machine ?? "of \(who)") does not answer any more"
        case .vanished: "\(who)\(place) left without telling the others"
        case .signal(let signal): "\(who)\(place) was ended by signal \(signal) (\(RankFailure.name(signal)))"
        case .status(126), .status(127): "\(who)\(place) could not start forktail: it is not at the same path there"
        case .status(let status):
            "\(who)\(place) left with \(status)" + (ExitStatus(rawValue: status).map { " (\($0.meaning))" } ?? "")
        }
    }

    private static func name(_ signal: Int32) -> String { strsignal(signal).map { String(cString: $0) } ?? "unknown" }
}
