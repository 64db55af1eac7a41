import JSON

/// Runs that differ in nothing but their seed.
package struct RunGroup: Sendable {
    package let runs: [RunRecord]
    /// What sets the group apart from the others.
    package let label: String

    /// The runs in groups, in the order in which the first of each was given.
    package static func groups(of runs: [RunRecord]) -> [RunGroup] {
        let keys = runs.map(Key.init)
        var order: [Key] = []
        for key in keys where !order.contains(key) { order.append(key) }
        let labels = RunGroup.labels(order)
        return zip(order, labels).map { key, label in
            let members = zip(runs, keys).filter { $0.1 == key }.map(\.0)
            return RunGroup(runs: members, label: label ?? members[0].path)
        }
    }

    /// Whether two of its runs have one seed: their difference then says nothing of other seeds.
    var repeatsSeeds: Bool { Set(runs.map(\.seed)).count < runs.count }

    /// One number of each run that has the metric.
    func estimate(of metric: String) -> Estimate? {
        let values = runs.compactMap { $0.summary(of: metric) }
        return values.isEmpty ? nil : Estimate(values)
    }

    /// Everything but the seed that the figures can depend on.
    private struct Key: Hashable {
        let settings: [String: String]
        let plugins: PluginLock

        init(_ run: RunRecord) {
            // Where files lie and what a run is called changes nothing.
            let free = ["seed", "name", "plugins.paths", "plugins.workspace"]
            settings = RecipeDrift.flatten(run.recipe).filter { !free.contains($0.key) }
            plugins = run.plugins
        }
    }

    /// The settings that differ between groups, those that name a plugin first; plugins where no setting does.
    private static func labels(_ keys: [Key]) -> [String?] {
        guard keys.count > 1 else { return keys.map { _ in nil } }
        let all = Set(keys.flatMap(\.settings.keys))
        let different = all.filter { name in Set(keys.map { $0.settings[name] ?? "absent" }).count > 1 }
            .sorted { a, b in
                (a.hasSuffix(".name") ? 0 : 1, a) < (b.hasSuffix(".name") ? 0 : 1, b)
            }
        let common = keys.dropFirst().reduce(Set(keys[0].plugins.plugins)) { $0.intersection($1.plugins.plugins) }
        return keys.map { key in
            var parts = different.prefix(2).compactMap { name in
                key.settings[name].map { "\(name)=\($0.filter { $0 != "\"" })" }
            }
            if different.count > 2 { parts.append("...") }
            if different.isEmpty {
                parts = key.plugins.plugins.filter { !common.contains($0) }.map(\.shown)
            }
            return parts.isEmpty ? nil : parts.joined(separator: " ")
        }
    }
}
