/// Rules 5 and 6: a fork changes what it says it changes, and little of upstream's own sources.
extension ForkCheck {
    /// Rule 5: no difference from the base outside plugins of the fork's own and what the entries name.
    func places() async throws -> [CheckFinding] {
        let own = try await ownPluginFolders()
        var findings: [CheckFinding] = []
        for path in try await repository.git.read(
            ["diff", "-z", "--name-only", "--no-renames", header.base, "HEAD", "--"]
        ).fields {
            guard path != UpstreamFile.name, !path.hasPrefix(PatchSeries.folder),
                !own.contains(where: { path.hasPrefix($0) }), !file.entries.contains(where: { $0.covers(path) })
            else { continue }
            let slug = changes.last { $0.paths.contains(path) }?.slug
            findings.append(
                CheckFinding(
                    5, path, "differs from upstream, and no entry names it in Touches",
                    fix: slug.map { "add it to Touches of '## \($0)'" }
                        ?? "git checkout \(header.base.prefix(8)) -- \(ShellWord.quoted(path))"))
        }
        return findings
    }

    /// The folders of plugins that upstream has not: they hold a plugin.json that is not in the base.
    private func ownPluginFolders() async throws -> [String] {
        let added = try await repository.git.read(
            ["diff", "-z", "--name-only", "--no-renames", "--diff-filter=A", header.base, "HEAD", "--", "Plugins/"])
        return added.fields.filter { $0.hasSuffix("/plugin.json") }.map { String($0.dropLast("plugin.json".count)) }
    }

    /// Rule 6: a core patch says why no plugin can do it, and there are not too many.
    func kinds() -> [CheckFinding] {
        var findings: [CheckFinding] = []
        for change in changes {
            guard let entry = change.entry else { continue }
            if entry.kind == .corePatch, entry.whyNotPlugin == nil {
                findings.append(
                    CheckFinding(
                        6, change.slug, "is a core-patch and does not say why no plugin can do it",
                        fix: "write: Why-Not-Plugin: ..."))
            }
            if entry.kind != .corePatch, let path = change.paths.first(where: { TreeArea($0) == .core }) {
                findings.append(
                    CheckFinding(
                        6, change.slug, "is a \(entry.kind.rawValue) and touches \(path)",
                        fix: "write: Kind: core-patch, and Why-Not-Plugin: ..."))
            }
        }
        let count = file.entries.filter { $0.kind == .corePatch }.count
        if count > header.maxCorePatches {
            findings.append(
                CheckFinding(
                    6, "Max-Core-Patches", "found \(count) core patches, expected at most \(header.maxCorePatches)",
                    fix: "send one upstream: forktail fork propose SLUG"))
        }
        return findings
    }
}
