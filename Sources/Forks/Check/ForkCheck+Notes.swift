/// Rules 8 to 10: what an entry says can be relied on.
extension ForkCheck {
    /// Rule 8: the plugin that an entry replaces is the one that plugin.json replaces, and lineage leads to a commit.
    func plugins() async throws -> [CheckFinding] {
        var findings: [CheckFinding] = []
        for entry in file.entries {
            let sources = try await PluginSource.all(repository.git, in: entry.touches, ifExists: "HEAD")
            var replaced: Set<String> = []
            for source in sources {
                let manifest: PluginSource.Manifest
                do {
                    manifest = try source.manifest()
                } catch {
                    findings.append(CheckFinding(8, source.path, "is no plugin.json: \(error)"))
                    continue
                }
                replaced.formUnion(manifest.replaces)
                for ancestor in manifest.lineage where try await !isReachable(ancestor.commit) {
                    findings.append(
                        CheckFinding(
                            8, source.path, "its lineage names commit \(ancestor.commit.prefix(8)) of \(ancestor.id), which "
                                + "neither HEAD nor upstream has", fix: "git fetch --tags \(ForkRepository.remote)"))
                }
            }
            if let replaces = entry.replaces, !replaced.contains(replaces) {
                let found = replaced.isEmpty ? "nothing" : replaced.sorted().joined(separator: ", ")
                findings.append(
                    CheckFinding(
                        8, entry.slug, "replaces \(replaces), and plugin.json in what it touches replaces \(found)",
                        fix: replaced.count == 1
                            ? "write: Replaces: \(found)" : "write \"replaces\": \"\(replaces)\" in plugin.json"))
            } else if entry.replaces == nil, entry.kind == .pluginOverride {
                let meant = replaced.count == 1 ? replaced.first : nil
                findings.append(
                    CheckFinding(
                        8, entry.slug, "is a plugin-override and does not say what it replaces",
                        fix: "write: Replaces: \(meant ?? "publisher.kind.name")"))
            }
        }
        return findings
    }

    private func isReachable(_ commit: String) async throws -> Bool {
        guard try await repository.commit(commit) != nil else { return false }
        if try await repository.isAncestor(commit, of: "HEAD") { return true }
        let holders = try await repository.git.read(
            ["for-each-ref", "--count=1", "--contains", commit, "--format=%(refname)",
                "refs/remotes/\(ForkRepository.remote)/", "refs/tags/"])
        return !holders.bytes.isEmpty
    }

    /// Rule 9: every change has a command that shows it working, and the command exists.
    func verify() async throws -> [CheckFinding] {
        var findings: [CheckFinding] = []
        for entry in file.entries {
            guard let text = entry.verify else {
                findings.append(
                    CheckFinding(
                        9, entry.slug, "has no Verify", fix: "write: Verify: the command that fails without the change"))
                continue
            }
            if let problem = try await ShellCommand(text).problem(in: repository.root) {
                findings.append(CheckFinding(9, entry.slug, "its Verify cannot run: \(problem)", fix: "mend: Verify: \(text)"))
            }
        }
        return findings
    }

    /// Rule 10: what waits for long is said.
    func ages() -> [CheckFinding] {
        var findings: [CheckFinding] = []
        for entry in file.entries {
            guard let day = Day(entry.lastUpdate) else { continue }
            let (word, age) = (entry.status.word, today - day)
            let limit = word == .submitted ? 90 : word == .pending ? 180 : Int.max
            guard age > limit else { continue }
            findings.append(
                CheckFinding(
                    10, entry.slug, "is \(word.rawValue) for \(age) days, and \(limit) are usual",
                    fix: word == .submitted
                        ? "ask there: \(entry.status.detail); then write: Last-Update: \(today)"
                        : "forktail fork propose \(entry.slug), or say why not: Inappropriate [reason]", isWarning: true))
        }
        return findings
    }
}
