public import DataLoader

/// A rule that says how good a completion is.
public protocol Reward: Sendable, SendableMetatype {
    associatedtype Config: PluginConfig
    init(_ config: Config) throws
    /// One number a completion; nil = cannot be judged. `sample` has the columns of the prompt's line.
    func score(_ completion: Completion, for sample: Sample) throws -> Double?
}

/// A completion as a reward sees it. Ids are the record; the text is a view.
public struct Completion: Sendable {
    public let ids: [Int32]
    /// The decoded ids without special tokens; empty when the run has no tokenizer.
    public let text: String
    /// Whether it ended by itself rather than at the length limit.
    public let isFinished: Bool

    public init(ids: [Int32], text: String, isFinished: Bool) {
        self.ids = ids
        self.text = text
        self.isFinished = isFinished
    }
}

/// Generated data, e.g. arithmetic: no download, and a held-out part that training never sees.
public protocol GeneratedTask: Sendable, SendableMetatype {
    associatedtype Config: PluginConfig
    init(_ config: Config) throws
    /// `count` JSON objects, one a line; a function of (split, seed) alone. Splits are disjoint whatever the seed.
    func lines(_ split: TaskSplit, count: Int, seed: UInt64) throws -> [String]
}

public enum TaskSplit: String, Sendable, CaseIterable {
    case train
    case heldOut = "held-out"
}
