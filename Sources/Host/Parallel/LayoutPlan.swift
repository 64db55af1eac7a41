import Core
import PluginAPI

/// The layouts of a number of ranks for a recipe, best first.
struct LayoutPlan {
    let rankCount: Int
    /// Bytes that a rank may have.
    let memory: Int
    /// Layouts that a rank's memory has room for, best first.
    let fitting: [LayoutFigures]
    /// Those that it has no room for, smallest first.
    let tooLarge: [LayoutFigures]
    /// Layouts that cannot be trained, by the reason.
    let leftOut: [(reason: String, count: Int)]

    /// The layout to use.
    var best: LayoutFigures? { fitting.first }

    init(rankCount: Int, memory: Int, layouts: [RunLayout], _ estimator: LayoutEstimator) throws {
        (self.rankCount, self.memory) = (rankCount, memory)
        var reasons: [String: Int] = [:]
        var figures: [LayoutFigures] = []
        for layout in layouts {
            let problems = estimator.problems(of: layout)
            if let first = problems.first {
                reasons[first.message, default: 0] += 1
            } else {
                figures.append(try estimator.figures(of: layout))
            }
        }
        fitting = LayoutFigures.ranked(figures.filter { $0.memory.total <= memory })
        tooLarge = figures.filter { $0.memory.total > memory }.sorted { $0.memory.total < $1.memory.total }
        leftOut = reasons.sorted { $0.key < $1.key }.map { (reason: $0.key, count: $0.value) }
    }

    /// Why `best` is it, in words.
    var reason: String {
        guard let best else {
            guard let smallest = tooLarge.first else { return "no layout of \(rankCount) ranks suits the recipe" }
            let parts = smallest.memory.largest.prefix(3).map { "\($0.name) \(ByteText.text($0.byteCount))" }
            return "no layout fits: the smallest is \(smallest.layout.mesh) with "
                + "\(ByteText.text(smallest.memory.total)) on its fullest rank (\(parts.joined(separator: ", "))); "
                + "a smaller batch.micro, activations.checkpoint=block or optimizer.states=8bit take less"
        }
        let critical = ByteText.text(best.criticalBytes)
        var sentences = [
            fitting.count == 1
                ? "\(best.layout.mesh) fits, with \(critical) a step on the critical path"
                : "of \(fitting.count) layouts that fit, \(best.layout.mesh) is among those with the fewest bytes on the "
                    + "critical path (\(critical) a step), and sends the fewest of them"
        ]
        let hidden = best.sentBytes - best.exposedBytes
        if best.sentBytes > 0 {
            sentences.append(
                "its busiest rank sends \(ByteText.text(best.sentBytes))"
                    + (hidden > 0 ? ", \(ByteText.text(hidden)) of them while it computes" : ""))
        }
        if best.waiting > 0 { sentences.append("its ranks wait \(best.waiting.percent) of the time that they work") }
        if let second = fitting.dropFirst().first {
            sentences.append(
                "next is \(second.layout.mesh) with \(ByteText.text(second.criticalBytes)) on the critical path, "
                    + "\(ByteText.text(second.sentBytes)) sent")
        }
        let simple = "data=\(rankCount)"
        if let large = tooLarge.first(where: { $0.layout.mesh == simple }) {
            sentences.append(
                "\(simple) does not fit: \(ByteText.text(large.memory.total)) of \(ByteText.text(memory))")
        }
        return sentences.joined(separator: "; ")
    }
}

extension Double {
    /// E.g. "12.5 %".
    var percent: String {
        let tenths = Int((self * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }
}
