import Foundation

/// What ranks and mpirun say, on its way to this process's own streams.
///
/// What rank 0 prints are the command's results and stay as they are. Everything else is diagnostics: a rank's lines
/// behind its number, and a line that several ranks say once, behind the number of the first.
package struct RankOutput {
    /// The first failure that mpirun reported, or a machine that it lost.
    private var reported: RankFailure?
    /// The first rank whose witness said that it failed.
    private var witnessed: RankFailure?
    private let print: (String) -> Void
    private let diagnose: (String) -> Void
    /// A remark of mpirun that has begun: such stand between lines of dashes.
    private var remark: [String]?
    private var said: [String: [Int: Int]] = [:]
    private var last: [Int: [String]] = [:]

    private static let remembered = 4096
    private static let lastCount = 5

    /// - Parameters:
    ///   - print: writes a line of results.
    ///   - diagnose: writes a line of diagnostics.
    package init(print: @escaping (String) -> Void, diagnose: @escaping (String) -> Void) {
        (self.print, self.diagnose) = (print, diagnose)
    }

    /// - Parameter isError: whether the lines came from standard error.
    package mutating func take(_ lines: [RankLine], isError: Bool) {
        for line in lines {
            guard let rank = line.rank else {
                takeOwn(line.text)
                continue
            }
            if isError, let start = line.text.range(of: RankFailure.lastLine)?.lowerBound,
                let failure = RankFailure(rank: rank, lastLine: line.text[start...])
            {
                witnessed = witnessed ?? failure
                // The rank may have left in the middle of a line.
                if start > line.text.startIndex {
                    take([RankLine(rank: rank, String(line.text[..<start]))], isError: true)
                }
                continue
            }
            last[rank] = (last[rank] ?? []).suffix(RankOutput.lastCount - 1) + [line.text]
            if rank == 0 && !isError {
                print(line.text)
            } else if isNew(line.text, of: rank) {
                diagnose("[\(rank)] \(line.text)")
            }
        }
    }

    /// What failed first. Ranks that lose a peer with its machine fail after it, and are witnessed before it is missed.
    package var failure: RankFailure? { reported?.cause == .machineLost ? reported : witnessed ?? reported }

    /// The last lines of the rank that failed, for a failure that it could say nothing about.
    package var lastWords: [String] { failure?.rank.flatMap { last[$0] } ?? [] }

    /// Whether no other rank has said it as often.
    private mutating func isNew(_ text: String, of rank: Int) -> Bool {
        if said.count > RankOutput.remembered { said = [:] }
        let most = said[text]?.values.max() ?? 0
        said[text, default: [:]][rank, default: 0] += 1
        return (said[text]?[rank] ?? 0) > most
    }

    private mutating func takeOwn(_ text: String) {
        let isRule = text.count >= 20 && text.allSatisfy { $0 == "-" }
        if let begun = remark {
            if isRule { endRemark() } else { remark = begun + [text] }
        } else if isRule {
            remark = []
        } else if !text.allSatisfy({ $0.isWhitespace || $0 == "\0" }), !text.contains("Forwarding signal") {
            diagnose("mpirun: \(text)")
        }
    }

    /// Ends a remark that is still open when mpirun is through.
    package mutating func end() { if remark != nil { endRemark() } }

    private mutating func endRemark() {
        let lines = remark ?? []
        remark = nil
        let text = lines.joined(separator: "\n")
        if let found = RankFailure(remark: text) {
            if reported == nil || found.cause == .machineLost { reported = found }
        } else if !text.contains("the job has been aborted") {
            for line in lines where !line.isEmpty { diagnose("mpirun: \(line)") }
        }
    }
}
