import ArgumentParser
import Core
import JSON
import PluginAPI
import Text

struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score", abstract: "Log-probabilities of every token of given sequences.",
        discussion: """
            Input lines: {"input_ids": [...]} or {"text": ...}, with optional labels (-100 = not counted in the loss).
            Output lines: {"logprobs": [log p(ids[t] | ids[<t]), t = 1...], "loss": mean over counted positions, "tokens": n}
            """)

    @OptionGroup var options: ModelOptions

    @Option(help: "JSON lines.")
    var input: String

    @Option(help: "Where the scores go (default: standard output).")
    var output: String?

    func run() throws {
        let model = try InferenceModel(options)
        let lines = try JSONLines.read(input)
        var problems = InputProblems()
        let requests = try lines.enumerated().compactMap { index, line in
            let place = "\(input):\(index + 1)"
            return try problems.attempt(place) { try request(line, model, at: place) }
        }
        try problems.end()
        try JSONLines.write(requests.map { try score($0, model) }, to: output)
    }

    /// A line's ids, and the labels that say what counts.
    private typealias Request = (ids: [Int32], labels: [Int32])

    private func request(_ line: JSONValue, _ model: InferenceModel, at place: String) throws -> Request {
        let ids = try line["text"]?.string.map { try model.requireTokenizer(at: place).encode($0) }
            ?? model.prompt(line, at: place)
        let positions = model.policy.decoder.configuration.positionCount
        guard ids.count >= 2, ids.count <= positions else {
            throw InputError(place, "has \(ids.count) tokens, expected 2 to \(positions) (the model's positions)")
        }
        let vocabulary = model.policy.decoder.configuration.vocabularySize
        if let id = ids.first(where: { $0 < 0 || $0 >= vocabulary }) {
            throw InputError(place, "has token id \(id), the model knows 0...\(vocabulary - 1)")
        }
        let labels = try line["labels"].map { try JSONLines.ids($0, at: place) } ?? ids
        guard labels.count == ids.count else {
            throw InputError(place, "has \(labels.count) labels for \(ids.count) ids")
        }
        return (ids, labels)
    }

    private func score(_ request: Request, _ model: InferenceModel) throws -> JSONValue {
        let (ids, labels) = request
        let all = TokenSequence(ids: ids, trained: [Bool](repeating: true, count: ids.count))
        let logProbs = try model.policy.logProbs(MicroBatch(sequences: [all], weights: [:], sampleIDs: []))
        let counted = logProbs.indices.filter { labels[$0 + 1] != -100 }
        let loss = -counted.reduce(0) { $0 + logProbs[$1] } / Double(counted.count)
        return .object([
            .init("logprobs", .array(logProbs.map(JSONValue.double))),
            .init("loss", .double(loss)),
            .init("tokens", .integer(counted.count)),
        ])
    }
}
