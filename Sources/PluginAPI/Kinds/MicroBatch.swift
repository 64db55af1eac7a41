// S sequences, N scored positions (trained tokens of all sequences, in order)

/// What goes through the model at once.
public struct MicroBatch: Sendable {
    public var sequences: [TokenSequence]
    /// The weight of each loss term, known from masks before the forward. The loop adds them up over the whole
    /// optimizer step and all data ranks, and divides by that.
    public var weights: [String: Double]
    /// Numbers for each scored position, [N]: advantages, the behaviour policy's log-probabilities, ...
    public var tokenColumns: [String: [Double]]
    /// Numbers for each sequence, [S].
    public var sequenceColumns: [String: [Double]]
    /// Logits are divided by this before they are scored (the temperature that completions were sampled with).
    public var temperature: Double
    /// The optimizer step whose weights made the completions; nil when no policy took part.
    public var policyVersion: Int?
    /// Figures of how the batch was made (rewards, lengths), added up over the step: name -> (sum, weight).
    public var metrics: [String: (sum: Double, weight: Double)]
    /// The samples behind the sequences, for messages.
    public var sampleIDs: [String]

    public init(
        sequences: [TokenSequence], weights: [String: Double], tokenColumns: [String: [Double]] = [:],
        sequenceColumns: [String: [Double]] = [:], temperature: Double = 1, policyVersion: Int? = nil,
        metrics: [String: (sum: Double, weight: Double)] = [:], sampleIDs: [String]
    ) {
        self.sequences = sequences
        self.weights = weights
        self.tokenColumns = tokenColumns
        self.sequenceColumns = sequenceColumns
        self.temperature = temperature
        self.policyVersion = policyVersion
        self.metrics = metrics
        self.sampleIDs = sampleIDs
    }

    /// A batch that adds nothing: ranks without work join the collectives with it.
    public static let empty = MicroBatch(sequences: [], weights: [:], sampleIDs: [])

    /// N
    public var scoredCount: Int { sequences.reduce(0) { $0 + $1.trainedCount } }
    public var tokenCount: Int { sequences.reduce(0) { $0 + $1.ids.count } }
}

extension MicroBatch {
    /// Examples collated in the common way: groups of `size` sequences, examples kept whole; each batch weighs its
    /// trained tokens under `term`.
    public static func collate(_ examples: [Example], size: Int, term: String) -> [MicroBatch] {
        groups(of: examples, size: size).map { group in
            let sequences = group.flatMap(\.sequences)
            let trained = sequences.reduce(0) { $0 + $1.trainedCount }
            return MicroBatch(
                sequences: sequences, weights: [term: Double(trained)], sampleIDs: group.map(\.sampleID))
        }
    }

    /// Consecutive examples, as many as fit `size` samples.
    public static func groups(of examples: [Example], size: Int) -> [[Example]] {
        stride(from: 0, to: examples.count, by: size).map { Array(examples[$0..<min($0 + size, examples.count)]) }
    }
}
