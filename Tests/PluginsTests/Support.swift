import Core
import DataLoader
import Foundation
import JSON
import PluginAPI
import Text

/// A plugin's settings as a recipe gives them.
func settings<Config: PluginConfig>(_ type: Config.Type, _ recipe: String = "{}") throws -> Config {
    var problems: [InputProblem] = []
    let resolved = try ConfigSchema(type).resolve(try JSONValue(parsing: recipe), at: "test", problems: &problems)
    if !problems.isEmpty { throw InputError(problems) }
    return try ConfigDecoder.decode(type, from: resolved, at: "test")
}

/// The sample that a line of a JSONL file becomes.
func sample(_ line: String, index: Int = 1) throws -> Sample {
    let members = try JSONValue(parsing: line).members
    var bytes: [UInt8] = []
    let ranges = members.map { member in
        let start = bytes.count
        bytes += Array(member.value.text.utf8)
        return start..<bytes.count
    }
    return Sample(
        schema: Schema(names: members.map(\.key), encodings: members.map { _ in .json }), buffer: ByteBuffer(bytes),
        ranges: ranges, origin: "test.jsonl", index: index)
}

/// Stands in for models, generation and rewards.
final class FixedEngine: TrainingEngine {
    var scores: (MicroBatch) throws -> [Double] = { [Double](repeating: 0, count: $0.scoredCount) }
    var completions: ([GenerationRequest]) -> [GenerationResult] = { _ in [] }
    var rewards: [String: any Reward] = [:]
    private(set) var requests: [GenerationRequest] = []

    func score(_ role: String, _ batch: MicroBatch) throws -> [Double] { try scores(batch) }

    func generate(_ requests: [GenerationRequest]) throws -> [GenerationResult] {
        self.requests += requests
        return completions(requests)
    }

    func reduce(_ values: [Double]) throws -> [Double] { values }

    func reward(_ name: String, options: JSONValue) throws -> any Reward {
        guard let reward = rewards[name] else { throw InputError("trainer.rewards", "there is no reward '\(name)'") }
        return reward
    }
}

/// Rewards looked up by the completion's ids.
struct TableReward: Reward {
    var table: [[Int32]: Double] = [:]

    init(_ config: NoConfig) {}
    init(_ table: [[Int32]: Double]) { self.table = table }
    func score(_ completion: Completion, for sample: Sample) -> Double? { table[completion.ids] }
}

/// A session without a model.
func session(
    length: Int = 64, micro: Int = 4, packs: Bool = false, tokenizer: Tokenizer? = nil,
    engine: FixedEngine = FixedEngine()
) -> TrainingSession {
    TrainingSession(
        settings: TrainingSettings(
            seed: 1, batchSize: micro, microBatchSize: micro, sequenceLength: length, packs: packs),
        tokenizer: tokenizer, engine: engine)
}

/// Bytes as tokens, after the special tokens of ChatML and an end of text.
enum ByteTokenizer {
    static let end: Int32 = 0
    static let turnStart: Int32 = 1
    static let turnEnd: Int32 = 2

    static func make() throws -> Tokenizer {
        var trainer = try BPETrainer(
            BPETrainer.Options(
                vocabularySize: 259, specialTokens: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
                configuration: TokenizerConfiguration(eosToken: "<|endoftext|>")))
        trainer.add("")
        return try trainer.train()
    }
}

/// A directory that is gone when the test is over.
final class TemporaryDirectory {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "forktail-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        do { try FileManager.default.removeItem(at: url) } catch { print("cannot remove \(url.path): \(error)") }
    }

    func write(_ text: String, to name: String) throws -> URL {
        let file = url.appending(path: name)
        try Data(text.utf8).write(to: file)
        return file
    }
}

enum Goldens {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func url(_ path: String) -> URL { root.appending(path: "Tests/Reference/goldens/\(path)") }

    static func json(_ path: String) throws -> JSONValue {
        try JSONValue(parsing: String(contentsOf: url(path), encoding: .utf8))
    }

    static func lines(_ path: String) throws -> [JSONValue] {
        try String(contentsOf: url(path), encoding: .utf8).split(separator: "\n").map {
            try JSONValue(parsing: String($0))
        }
    }
}

extension JSONValue {
    /// All numbers in nested arrays, in order.
    var numbers: [Double] { array.map { $0.flatMap(\.numbers) } ?? [double].compactMap { $0 } }
    var ids: [Int32] { numbers.map { Int32($0) } }
}
