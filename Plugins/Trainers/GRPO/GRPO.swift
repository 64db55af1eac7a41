// G completions of a prompt; S sequences; N scored positions (completion tokens)

internal import Core
public import DataLoader
public import PluginAPI
internal import Text

/// Group relative policy optimisation: Shao et al., "DeepSeekMath", 2024, arXiv 2402.03300, section 4.1.
///
/// Each prompt is completed G times by the policy itself; a completion's advantage is its reward against its group's;
/// the loss is PPO's clipped token loss, with an optional divergence from a frozen reference.
public final class GRPO: HasAuxiliaryModels {
    public static func auxiliaryModels(_ config: Config) -> [AuxiliaryModel] {
        config.beta == 0 ? [] : [AuxiliaryModel(role: "reference", path: config.reference)]
    }

    let config: Config
    let session: TrainingSession
    let rewards: [(name: String, weight: Double, reward: any Reward)]
    let stopIDs: Set<Int32>

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
                problem: "grpo needs a column prompt or prompt_ids; it has "
                    + sample.columnNames.joined(separator: ", "))
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
        // A rank may have no prompts of a step.
        if batches.isEmpty { return [] }
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

/// Registers `grpo`.
public struct GRPOPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.trainer("grpo", GRPO.self) }
}
