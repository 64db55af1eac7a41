internal import Foundation
internal import JSON

/// The losses of a recipe before and after a sync.
package struct LossProof: Sendable, Hashable {
    package let recipe: String
    /// The loss of each step before and after, as they are written in metrics.jsonl.
    package let before: [String]
    package let after: [String]
    /// The changes that say that numbers move with them.
    package let moving: [String]
    /// What kept a run from ending, with the end of what it printed.
    package let failure: String?

    /// The command that trains; the recipe and `--run-dir DIR` follow.
    package static let trainer = "swift run -c release forktail train"

    /// Whether the losses are the same to the last digit, or a change says that they move.
    package var isFine: Bool { failure == nil && (firstDifference == nil || !moving.isEmpty) }

    /// The first step, from 1, whose losses differ; nil when none do.
    package var firstDifference: Int? {
        if let place = zip(before, after).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset {
            return place + 1
        }
        return before.count == after.count ? nil : min(before.count, after.count) + 1
    }

    /// Trains with the old tip in a temporary clone, and with the work tree as it is.
    static func run(
        _ git: Git, recipe: String, oldTip: String, moving: [String], trainer: String
    ) async throws -> LossProof {
        let runs = FileManager.default.temporaryDirectory.appending(path: "forktail-losses-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: runs, withIntermediateDirectories: true)
        let train = { (folder: String, name: String) async throws -> Result<[String], Failure> in
            let run = runs.appending(path: name)
            let command = "\(trainer) \(ShellWord.quoted(recipe)) --run-dir \(ShellWord.quoted(run.path))"
            let ending = try await ShellCommand(command).run(in: folder)
            guard ending.status == 0 else {
                return .failure(
                    Failure(text: "'\(command)' \(name) ended with status \(ending.status):\n" + ChangeProof.tail(ending.output)))
            }
            return .success(try losses(run.appending(path: "metrics.jsonl")))
        }
        let before = try await ScratchClone.with(git, at: oldTip) { try await train($0.directory, "before") }
        let after = try await train(git.directory, "after")
        try FileManager.default.removeItem(at: runs)
        var failures: [String] = []
        let series = [before, after].map { result -> [String] in
            switch result {
            case .success(let losses): return losses
            case .failure(let failure):
                failures.append(failure.text)
                return []
            }
        }
        return LossProof(
            recipe: recipe, before: series[0], after: series[1], moving: moving,
            failure: failures.isEmpty ? nil : failures.joined(separator: "\n"))
    }

    private struct Failure: Error {
        let text: String
    }

    private static func losses(_ file: URL) throws -> [String] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            try JSONValue(parsing: String(line))["loss"]?.text ?? "none"
        }
    }
}
