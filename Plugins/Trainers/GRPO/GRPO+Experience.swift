// G completions of a prompt

internal import Core
internal import DataLoader
internal import PluginAPI
internal import Random
internal import Text

extension GRPO {
    /// A prompt with what the policy made of it.
    struct Group {
        let example: Example
        let prompt: [Int32]
        let results: [GenerationResult]
        let completions: [Completion]
    }

    /// Samples each prompt's completions from the policy.
    func complete(_ examples: [Example]) throws -> [Group] {
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
    func judge(for sample: Sample) -> (Completion) throws -> [Double?] {
        { completion in try self.rewards.map { try $0.reward.score(completion, for: sample) } }
    }

    /// Nil when no reward could judge.
    func weightedSum(_ values: [Double?]) -> Double? {
        let known = zip(values, rewards).compactMap { value, choice in value.map { $0 * choice.weight } }
        return known.isEmpty ? nil : known.reduce(0, +)
    }

    /// The name of the loss term's weight.
    var term: String {
        switch config.lossType {
        case .dapo: "tokens"
        case .grpo, .drGRPO: "completions"
        case .bnpo: "micro-batches"
        }
    }

    /// The completions of some prompts as one micro-batch.
    func batch(_ groups: [Group], _ advantages: [[Double]]) throws -> MicroBatch {
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

    /// How the step was made, for the metrics.
    func figures(
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
