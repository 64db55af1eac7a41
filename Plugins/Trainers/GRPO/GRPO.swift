// G completions of a prompt; S sequences; N scored positions (completion tokens)

internal import Core
public import DataLoader
public import PluginAPI
internal import Random
internal import Text

/// Group relative policy optimisation: Shao et al., "DeepSeekMath", 2024, arXiv 2402.03300, section 4.1.
///
/// Each prompt is completed G times by the policy itself; a completion's advantage is its reward against its group's;
/// the loss is PPO's clipped token loss, with an optional divergence from a frozen reference.
public final class GRPO: HasAuxiliaryModels {
    public static func auxiliaryModels(_ config: Config) -> [AuxiliaryModel] {
        config.beta == 0 ? [] : [AuxiliaryModel(role: "reference", path: config.reference)]
    }

    private let config: Config
    private let session: TrainingSession
    private let rewards: [(name: String, weight: Double, reward: any Reward)]
    private let stopIDs: Set<Int32>

    public init(_ config: Config, _ session: TrainingSession) throws {
        try config.validate()
        self.config = config
        self.session = session
        rewards = try config.rewards.map {
            ($0.name, $0.weight, try session.reward($0.name, options: $0.options))
        }
        let ends = [session.tokenizer?.eosTokenID, session.tokenizer?.id(of: ChatML().endOfTurn)].compactMap { $0 }
        stopIDs = Set(config.stopIDs ?? ends)
    }

    /// The prompt; nil when it leaves no room for a completion.
    public func example(from sample: Sample) throws -> Example? {
        guard let prompt = try session.promptIDs(of: sample) else {
            throw SampleError(
                sample: sample.id, column: "prompt",
                problem: "grpo needs a column prompt or prompt_ids; it has " + sample.columnNames.joined(separator: ", "))
        }
        guard !prompt.isEmpty, prompt.count < session.settings.sequenceLength else { return nil }
        return Example([TokenSequence(ids: prompt, trained: prompt.map { _ in false })], from: sample)
    }

    /// Samples completions, judges them, and forms advantages.
    public func experience(from examples: [Example]) throws -> [MicroBatch] {
        let groups = try complete(examples)
        let judged = try groups.map { try $0.completions.map(judge(for: $0.example.sample)) }
        let totals = judged.map { $0.map { weightedSum($0) } }
        let advantages = try Advantages(totals, scale: config.scaleRewards, reduce: session.reduce)

        let size = session.settings.microBatchSize
        var batches = try stride(from: 0, to: groups.count, by: size).map { start in
            let range = start..<min(start + size, groups.count)
            return try batch(Array(groups[range]), Array(advantages.values[range]))
        }
        batches[0].metrics = figures(groups, judged, totals, advantages)
        return batches
    }

    /// l_t = -min(rho A, clip(rho, 1 - epsilon, 1 + epsilon_high) A) + beta KL_t, with rho = exp(logp - old logp) and
    /// KL_t = exp(ref - logp) - (ref - logp) - 1 (Schulman's k3; times rho when its sampling is corrected for).
    public func objective(_ scores: TokenScores, _ batch: MicroBatch) throws -> Objective {
        func column(_ name: String) -> Tensor { scores.tensor(batch.tokenColumns[name] ?? []) }
        let low = 1 - config.epsilon
        let high = 1 + (config.epsilonHigh ?? config.epsilon)
        let (beta, corrects) = (config.beta, config.correctsKL)
        let base = [scores.logProbs, column("old"), column("advantage")]
        let reference = beta == 0 ? [] : [column("reference")]

        func ratio(_ x: [Symbol]) -> Symbol { (x[0] - x[1]).exp }
        func divergence(_ x: [Symbol]) -> Symbol {
            let d = x[3] - x[0]
            let k3 = d.exp - d - 1
            return corrects ? k3 * ratio(x) : k3
        }
        let loss = scores.map(base + reference + [column("share")]) { x in
            let rho = ratio(x)
            let clipped = minimum(maximum(rho, rho.constant(low)), rho.constant(high))
            let policy = -minimum(rho * x[2], clipped * x[2])
            return (beta == 0 ? policy : policy + beta * divergence(x)) * x[x.count - 1]
        }

        let count = Double(batch.scoredCount)
        func isLow(_ x: [Symbol]) -> Symbol { (ratio(x) < x[0].constant(low)) * (x[2] < x[0].constant(0)) }
        func isHigh(_ x: [Symbol]) -> Symbol { (x[0].constant(high) < ratio(x)) * (x[0].constant(0) < x[2]) }
        var metrics: [Objective.Metric] = [
            .init("entropy", sum: scores.entropy, weight: count),
            .init("clip_ratio/low_mean", sum: scores.map(base, isLow), weight: count),
            .init("clip_ratio/high_mean", sum: scores.map(base, isHigh), weight: count),
            .init("clip_ratio/region_mean", sum: scores.map(base) { isLow($0) + isHigh($0) }, weight: count),
        ]
        if beta != 0 { metrics.append(.init("kl", sum: scores.map(base + reference, divergence), weight: count)) }
        return Objective([.init(term, sum: loss)], metrics: metrics)
    }
}

// MARK: experience

extension GRPO {
    /// A prompt with what the policy made of it.
    struct Group {
        let example: Example
        let prompt: [Int32]
        let results: [GenerationResult]
        let completions: [Completion]
    }

    private func complete(_ examples: [Example]) throws -> [Group] {
        var seen: [String: Int] = [:]
        let requests = examples.flatMap { example -> [GenerationRequest] in
            let prompt = example.sequences[0].ids
            // A prompt that comes twice in one step is completed with other random numbers.
            seen[example.sampleID, default: 0] += 1
            let stream = "grpo/\(session.step)/\(example.sampleID)/\(seen[example.sampleID] ?? 1)"
            let seed = Philox(seed: session.settings.seed, stream: stream).bits(at: 0)
            // Nothing narrows the distribution but the temperature, so behaviour log-probabilities compare with scores.
            return (0..<config.generationCount).map { member in
                GenerationRequest(
                    prompt: prompt,
                    maximumNewTokens: min(config.maxCompletionLength, session.settings.sequenceLength - prompt.count),
                    temperature: config.temperature, stopIDs: stopIDs, seed: seed, index: UInt64(member))
            }
        }
        let results = try session.generate(requests)
        return examples.enumerated().map { place, example in
            let own = Array(results[place * config.generationCount..<(place + 1) * config.generationCount])
            let completions = own.map { result in
                Completion(
                    ids: result.ids, text: session.tokenizer?.decode(result.ids, skipSpecialTokens: true) ?? "",
                    isFinished: result.finishReason == .stop)
            }
            return Group(example: example, prompt: example.sequences[0].ids, results: own, completions: completions)
        }
    }

    /// The value of each reward, nil where it cannot judge.
    private func judge(for sample: Sample) -> (Completion) throws -> [Double?] {
        { completion in try self.rewards.map { try $0.reward.score(completion, for: sample) } }
    }

    /// Nil when no reward could judge.
    private func weightedSum(_ values: [Double?]) -> Double? {
        let known = zip(values, rewards).compactMap { value, choice in value.map { $0 * choice.weight } }
        return known.isEmpty ? nil : known.reduce(0, +)
    }

    /// The name of the loss term's weight.
    private var term: String {
        switch config.lossType {
        case .dapo: "tokens"
        case .grpo, .drGRPO: "completions"
        case .bnpo: "micro-batches"
        }
    }

    private func batch(_ groups: [Group], _ advantages: [[Double]]) throws -> MicroBatch {
        var sequences: [TokenSequence] = []
        var old: [Double] = []
        var advantage: [Double] = []
        var lengths: [Int] = []
        for (group, values) in zip(groups, advantages) {
            for (result, value) in zip(group.results, values) {
                if config.masksTruncated && result.finishReason == .length || result.ids.isEmpty { continue }
                sequences.append(
                    TokenSequence(
                        ids: group.prompt + result.ids,
                        trained: group.prompt.map { _ in false } + result.ids.map { _ in true }))
                old += result.logProbs
                advantage += result.ids.map { _ in value }
                lengths.append(result.ids.count)
            }
        }
        let tokenCount = lengths.reduce(0, +)
        // Each token's part in its term, known before the forward; the loop divides by the term's whole weight.
        let share: [Double]
        let weight: Int
        switch config.lossType {
        case .dapo: (share, weight) = ([Double](repeating: 1, count: tokenCount), tokenCount)
        case .grpo:
            share = lengths.flatMap { [Double](repeating: 1 / Double($0), count: $0) }
            weight = groups.count * config.generationCount
        case .bnpo: (share, weight) = ([Double](repeating: 1 / Double(max(tokenCount, 1)), count: tokenCount), 1)
        case .drGRPO:
            share = [Double](repeating: 1 / Double(config.maxCompletionLength), count: tokenCount)
            weight = groups.count * config.generationCount
        }
        var batch = MicroBatch(
            sequences: sequences, weights: [term: Double(weight)],
            tokenColumns: ["old": old, "advantage": advantage, "share": share], temperature: config.temperature,
            policyVersion: session.step, sampleIDs: groups.map(\.example.sampleID))
        if config.beta != 0 { batch.tokenColumns["reference"] = try session.score("reference", batch) }
        return batch
    }

    private func figures(
        _ groups: [Group], _ judged: [[[Double?]]], _ totals: [[Double?]], _ advantages: Advantages
    ) -> [String: (sum: Double, weight: Double)] {
        func mean(_ values: [Double]) -> (sum: Double, weight: Double) { (values.reduce(0, +), Double(values.count)) }
        let results = groups.flatMap(\.results)
        var figures = [
            "reward": mean(totals.joined().compactMap { $0 }),
            "reward_std": (advantages.deviation, 1),
            "frac_reward_zero_std": (Double(advantages.flatGroupCount), Double(groups.count)),
            "completions/mean_length": mean(results.map { Double($0.ids.count) }),
            "completions/clipped_ratio": mean(results.map { $0.finishReason == .length ? 1 : 0 }),
        ]
        for (place, choice) in rewards.enumerated() {
            figures["rewards/\(choice.name)/mean"] = mean(judged.joined().compactMap { $0[place] })
        }
        return figures
    }
}

/// Registers `grpo`.
public struct GRPOPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.trainer("grpo", GRPO.self) }
}
