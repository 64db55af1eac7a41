/// Rewards of completions, grouped by prompt, and what follows from them.
///
/// A completion that no reward could judge has none: it counts in no mean or deviation, and its advantage is 0.
struct Advantages {
    /// [prompt][completion]
    let values: [[Double]]
    /// The standard deviation of all rewards.
    let deviation: Double
    /// Groups without any spread: they teach nothing.
    let flatGroupCount: Int

    /// A = (R - mean of the group) / (standard deviation + 1e-4): Shao et al., "DeepSeekMath", 2024, arXiv 2402.03300,
    /// section 4.1.2, with Bessel's correction and TRL's 1e-4.
    /// - Parameters:
    ///   - rewards: [prompt][completion]
    ///   - reduce: sums over the data ranks; a prompt's completions are all on one rank.
    init(
        _ rewards: [[Double?]], scale: GRPO.RewardScale, reduce: ([Double]) throws -> [Double]
    ) rethrows {
        let all = rewards.joined().compactMap { $0 }
        let totals = try reduce([all.reduce(0, +), Double(all.count)])
        let mean = totals[0] / max(totals[1], 1)
        let spread = try reduce([all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }])[0]
        let deviation = totals[1] > 1 ? (spread / (totals[1] - 1)).squareRoot() : 0
        self.deviation = deviation

        let groups = rewards.map { group in Group(group.compactMap { $0 }) }
        let divisors = groups.map { group in
            switch scale {
            case .group: group.deviation + 1e-4
            case .batch: deviation + 1e-4
            case .none: 1.0
            }
        }
        values = rewards.indices.map { place in
            rewards[place].map { reward in reward.map { ($0 - groups[place].mean) / divisors[place] } ?? 0 }
        }
        flatGroupCount = groups.count { (scale == .batch ? deviation : $0.deviation) < 1e-8 }
    }

    private struct Group {
        let mean: Double
        let deviation: Double

        init(_ rewards: [Double]) {
            let mean = rewards.reduce(0, +) / Double(max(rewards.count, 1))
            let squares = rewards.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            self.mean = mean
            deviation = rewards.count > 1 ? (squares / Double(rewards.count - 1)).squareRoot() : 0
        }
    }
}
