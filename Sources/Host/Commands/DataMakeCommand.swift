import ArgumentParser
import JSON
import PluginAPI

/// `forktail data make`: writes generated data of a task plugin.
struct DataMakeCommand: ResultCommand {
    static let configuration = CommandConfiguration(
        commandName: "make", abstract: "Generate data for a task, e.g. arithmetic; no download.",
        discussion: "The splits are disjoint whatever the seed. Tasks: forktail plugins list --kind task")

    @Argument(help: "The task's name.")
    var name: String

    @Option(help: "train | held-out.")
    var split = TaskSplit.train.rawValue

    @Option(help: "How many lines (default: 10000 for train, 500 for held-out).")
    var count: Int?

    @Option(help: "The seed of the choice.")
    var seed: UInt64 = 42

    @Option(help: "The JSONL file to write.")
    var output: String

    @Option(name: .customLong("plugin"), help: "A plugin file or directory to load; can be repeated.")
    var plugins: [String] = []

    func run(to output: ResultOutput) throws {
        let registry = try Registry.forCommand(plugins: plugins)
        var problems: [InputProblem] = []
        let split = TaskSplit(rawValue: split)
        if split == nil {
            problems.append(InputProblem("--split", "found '\(self.split)', expected train or held-out"))
        }
        if let count, count < 1 { problems.append(InputProblem("--count", "found \(count), expected 1 or more")) }
        let names = registry.names(of: .task)
        if !names.contains(name) {
            let near = NearestName.of(name, in: names).map { "did you mean '\($0)'? " } ?? ""
            problems.append(
                InputProblem("task", "found '\(name)'; \(near)known: \(names.joined(separator: ", "))",
                    fix: "forktail plugins list --kind task"))
        }
        guard problems.isEmpty, let split else { throw InputError(problems) }
        let provider = try registry.task(name)
        let settings = provider.schema.resolve(.object([]), at: name, problems: &problems)
        guard problems.isEmpty else { throw InputError(problems) }
        let written = try GeneratedLines(
            task: try provider.make(settings, name), split: split, count: count, seed: seed
        ).write(to: self.output)
        try output.line("wrote \(written) lines to \(self.output)")
    }
}

/// What a task is asked for.
struct GeneratedLines {
    let task: any GeneratedTask
    let split: TaskSplit
    let count: Int?
    let seed: UInt64

    /// Writes the lines into a file that appears when it is complete, and returns how many there are.
    func write(to path: String) throws -> Int {
        let lines = try task.lines(split, count: count ?? (split == .train ? 10_000 : 500), seed: seed)
        let file = try ResultOutput(file: path)
        for line in lines { try file.line(line) }
        try file.finish()
        return lines.count
    }
}
