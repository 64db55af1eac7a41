package import JSON
import PluginAPI

/// Runs side by side: `forktail compare`.
package struct RunComparison: Sendable {
    package let groups: [RunGroup]
    /// The figures that are compared.
    package let metrics: [String]

    /// - Parameters:
    ///   - runs: at least one.
    ///   - metrics: what to compare; loss, rewards and throughput when empty.
    /// - Throws: `InputError` for a metric that no run has.
    package init(_ runs: [RunRecord], metrics: [String] = []) throws {
        groups = RunGroup.groups(of: runs)
        let known = Set(runs.flatMap { $0.lines.flatMap(\.figures.keys) })
        let unknown = metrics.filter { !known.contains($0) }
        if !unknown.isEmpty {
            throw InputError(
                unknown.map { name in
                    InputProblem(
                        "--metric", "no run has '\(name)'",
                        fix: NearestName.of(name, in: known.sorted()).map { "--metric \($0)" })
                })
        }
        let standard = ["loss", "validation_loss", "reward"].filter(known.contains)
            + known.filter { $0.hasPrefix("rewards/") }.sorted() + ["tokens_per_second"].filter(known.contains)
        self.metrics = metrics.isEmpty ? standard : metrics
    }

    /// Sentences that a reader of the figures should know.
    package var notes: [String] {
        groups.flatMap { group -> [String] in
            var notes: [String] = []
            if group.runs.count == 1 { notes.append("\(group.label): one run, so no interval; train it with other seeds") }
            if group.repeatsSeeds {
                notes.append("\(group.label): runs with the same seed count as separate ones, and narrow the interval")
            }
            if Set(group.runs.map { $0.lines.last?.step }).count > 1 {
                notes.append("\(group.label): its runs have different numbers of steps")
            }
            return notes
        }
    }

    /// One line a metric: the mean of each group with its 95 % interval, and how far the others are from the first.
    package var text: String {
        let names = groups.indices.map(RunComparison.name)
        let legend = zip(names, groups).map { name, group in
            "\(name)  \(group.label)  (\(group.runs.count == 1 ? "1 run" : "\(group.runs.count) runs"))"
        }
        let rows = metrics.map { metric -> [String] in
            let estimates = groups.map { $0.estimate(of: metric) }
            let gaps = estimates.dropFirst().map { other -> String in
                guard let first = estimates[0], let gap = other?.difference(from: first) else { return "-" }
                let sign = gap.mean < 0 ? "" : "+"
                let isClear = gap.margin.map { abs(gap.mean) > $0 } ?? false
                return sign + Estimate.text(gap.mean, gap.margin) + (isClear ? " *" : "")
            }
            return [metric] + estimates.map { $0.map { Estimate.text($0.mean, $0.margin) } ?? "-" } + gaps
        }
        let header = ["METRIC"] + names + names.dropFirst().map { "\($0) - \(names[0])" }
        return (legend + ["", TextTable(header: header, rows: rows).text]).joined(separator: "\n")
    }

    /// Groups with their runs, seeds and estimates, and the differences from the first group.
    package var json: JSONValue {
        let members = groups.map { group in
            JSONValue.object([
                .init("label", .string(group.label)),
                .init("runs", .array(group.runs.map { .string($0.path) })),
                .init("seeds", .array(group.runs.map { $0.recipe["seed"] ?? .null })),
                .init("metrics", .object(metrics.compactMap { metric in
                    group.estimate(of: metric).map { .init(metric, $0.json) }
                })),
            ])
        }
        let differences = groups.dropFirst().map { group in
            JSONValue.object([
                .init("label", .string(group.label)), .init("from", .string(groups[0].label)),
                .init("metrics", .object(metrics.compactMap { metric in
                    guard let first = groups[0].estimate(of: metric), let other = group.estimate(of: metric) else { return nil }
                    let gap = other.difference(from: first)
                    return .init(
                        metric,
                        .object([.init("mean", .double(gap.mean)), .init("margin", gap.margin.map(JSONValue.double) ?? .null)]))
                })),
            ])
        }
        return .object([.init("groups", .array(members)), .init("differences", .array(Array(differences)))])
    }

    /// A picture of all steps: a plot a metric, a line a group, and the band in which 95 % of such means lie.
    package var svg: String {
        let plots = metrics.map { metric in
            LinePlot(title: metric, lines: groups.map { RunComparison.line($0, metric) })
        }
        return PlotSheet(plots: plots, legend: zip(groups.indices.map(RunComparison.name), groups).map { "\($0)  \($1.label)" }).svg
    }

    /// The mean over the runs at every step that all of them have.
    private static func line(_ group: RunGroup, _ metric: String) -> [LinePlot.Point] {
        let series = group.runs.map { run in Dictionary(run.series(metric).map { ($0.step, $0.value) }) { $1 } }
        let steps = series.dropFirst().reduce(Set(series[0].keys)) { $0.intersection($1.keys) }
        return steps.sorted().map { step in
            let estimate = Estimate(series.compactMap { $0[step] })
            return LinePlot.Point(x: Double(step), y: estimate.mean, margin: estimate.margin ?? 0)
        }
    }

    /// A, B, ... Z, A1, ...
    private static func name(_ number: Int) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        return "\(letters[number % letters.count])" + (number < letters.count ? "" : "\(number / letters.count)")
    }
}
