import Core
import Foundation
import PluginAPI

/// What must hold on all ranks of a run before they train together.
struct RankGate {
    private let ranks: Communicator

    /// - Parameter ranks: all of the run.
    init(_ ranks: Communicator) { self.ranks = ranks }

    /// Does something on every rank that can fail on any: then all end, and the first tells what each of them said.
    func together<Result>(_ body: () throws -> Result) throws -> Result {
        if ranks.rankCount == 1 { return try body() }
        var (text, status) = ("", ExitStatus.done)
        var result: Result?
        do { result = try body() } catch { (text, status) = ("\(error)", ExitStatus(of: error)) }
        let said = try ranks.gather(Array("\(status.rawValue)\n\(text)".utf8)).map { bytes in
            String(decoding: bytes, as: UTF8.self).split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        }
        let failed = said.indices.filter { said[$0][0] != "0" }
        guard let first = failed.first else {
            guard let result else { preconditionFailure("gate: no result without a failure") }
            return result
        }
        let common = Int32(said[first][0]).flatMap(ExitStatus.init(rawValue:)) ?? .failed
        // The same sentence of several ranks is said once.
        let texts = Dictionary(grouping: failed) { String(said[$0][1]) }.sorted { $0.value[0] < $1.value[0] }
        throw try ending(
            common,
            texts.map { text, members in
                members.count == ranks.rankCount ? text : "\(members.rankNames): \(text)"
            }.joined(separator: "\n"))
    }

    /// Compares what every rank was started with.
    /// - Throws: `CommandEnded`, when the first rank has named what differs, and where.
    func agree(_ facts: [(name: String, value: String)]) throws {
        if ranks.rankCount == 1 { return }
        let own = facts.map { fact in Array(fact.value.utf8).withUnsafeBytes { FileHash.hex(of: $0) } }.joined(separator: "\n")
        let all = try ranks.gather(Array(own.utf8)).map { String(decoding: $0, as: UTF8.self).split(separator: "\n") }
        let problems = facts.indices.compactMap { index -> InputProblem? in
            let others = all.indices.filter { all[$0][index] != all[0][index] }
            if others.isEmpty { return nil }
            return InputProblem(
                facts[index].name, "is another one on \(others.rankNames) than on rank 0",
                fix: "start all ranks with the same files and the same release")
        }
        try end(problems)
    }

    /// Compares the parameters: what several ranks hold must be the same on all of them, and different parts of a
    /// parameter must be different, or ranks were filled from one seed.
    /// - Throws: `CommandEnded`, when the first rank has named parameters and ranks.
    func compareParts(_ store: ParameterStore) throws {
        if ranks.rankCount == 1 { return }
        var lines: [String] = []
        for arena in store.arenas {
            for entry in arena.entries {
                for box in arena.ownedBoxes(of: entry) {
                    let view = box.view(of: arena.weights)
                    let values = view.doubles()
                    // What is constant by its initializer is alike everywhere.
                    let isConstant = values.allSatisfy { $0 == values[0] }
                    let hash = values.withUnsafeBytes { FileHash.hex(of: $0) }
                    lines.append("\(entry.name)\t\(box.offset) \(view.shape)\t\(isConstant ? "" : hash)\t\(hash)")
                }
            }
        }
        let all = try ranks.gather(Array(lines.joined(separator: "\n").utf8)).map { String(decoding: $0, as: UTF8.self) }
        var replicas: [String: (rank: Int, hash: Substring)] = [:]
        var shards: [String: (rank: Int, box: Substring)] = [:]
        var problems: [InputProblem] = []
        for (rank, text) in all.enumerated() {
            for line in text.split(separator: "\n") {
                let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
                let (name, box, distinct, hash) = (String(fields[0]), fields[1], fields[2], fields[3])
                let known = replicas["\(name) \(box)"]
                if let known, known.hash != hash {
                    problems.append(InputProblem(name, "\(box) has other values on rank \(rank) than on rank \(known.rank)"))
                }
                if known == nil { replicas["\(name) \(box)"] = (rank, hash) }
                if distinct.isEmpty { continue }
                if let twin = shards["\(name) \(distinct)"], twin.box != box {
                    problems.append(
                        InputProblem(
                            name, "\(box) on rank \(rank) has the values of \(twin.box) on rank \(twin.rank), expected others"))
                } else {
                    shards["\(name) \(distinct)"] = (rank, box)
                }
            }
        }
        try end(Array(problems.prefix(10)))
    }

    private func end(_ problems: [InputProblem]) throws {
        if !problems.isEmpty { throw try ending(.wrongInput, "\(InputError(problems))") }
    }

    /// How all ranks end, after the first has said why: a launcher ends the others as soon as one has left.
    private func ending(_ status: ExitStatus, _ text: String) throws -> CommandEnded {
        if ranks.rank == 0 { StandardError.write("error: \(text)") }
        try ranks.barrier()
        return CommandEnded(status: status)
    }
}
