/// The commits of a fork on top of its base.
package struct Series: Sendable, Hashable {
    /// The commit below the first one.
    package let base: String
    /// All commits between the base and the tip, oldest first, merges and notes included.
    package let commits: [Commit]

    /// Reads the commits from a base (not included) to a tip.
    /// - Throws: `GitError` when one of them does not exist.
    package static func read(_ git: Git, from base: String, to tip: String = "HEAD") async throws -> Series {
        let separator = "%x00"
        let form = [
            "%H", "%P", "%cs", "%an <%ae>", "%s", "%b", trailers("Upstream-Status"), trailers("Fork-Change"),
        ]
        let range = "\(base)..\(tip)"
        let log = try await git.read(
            ["log", "-z", "--reverse", "--topo-order", "--format=\(form.joined(separator: separator))", range, "--"])
        let fields = log.fields
        let starts = stride(from: 0, to: fields.count, by: form.count)
        let hashes = starts.map { fields[$0] }
        let files = try await changedFiles(git, hashes)
        let commits = starts.map { start in
            let part = Array(fields[start..<start + form.count])
            return Commit(
                hash: part[0], parents: part[1].split(separator: " ").map(String.init), day: part[2], author: part[3],
                subject: part[4], body: part[5], statuses: values(part[6]), slugs: values(part[7]),
                files: files[part[0]] ?? [])
        }
        return Series(base: base, commits: commits)
    }

    /// The changes in the order of their first commits. Commits that name no change, merges and notes are not among them.
    package func changes(_ file: UpstreamFile) -> [Change] {
        var order: [String] = []
        var commitsBySlug: [String: [Commit]] = [:]
        for commit in commits where !commit.isMerge && !commit.isNotesOnly {
            for slug in commit.slugs {
                if commitsBySlug[slug] == nil { order.append(slug) }
                commitsBySlug[slug, default: []].append(commit)
            }
        }
        return order.map { Change(slug: $0, commits: commitsBySlug[$0] ?? [], entry: file[$0]) }
    }

    private static func trailers(_ key: String) -> String { "%(trailers:key=\(key),valueonly,separator=%x1e)" }

    private static func values(_ field: String) -> [String] {
        field.isEmpty ? [] : field.split(separator: "\u{1E}", omittingEmptySubsequences: false).map { String($0).trimmed() }
    }

    /// What each commit does to each file.
    private static func changedFiles(_ git: Git, _ hashes: [String]) async throws -> [String: [Commit.FileChange]] {
        guard !hashes.isEmpty else { return [:] }
        let output = try await git.read(
            ["diff-tree", "--stdin", "-z", "-r", "--numstat", "--no-renames", "--no-ext-diff", "--root"],
            input: Array((hashes.joined(separator: "\n") + "\n").utf8))
        var files: [String: [Commit.FileChange]] = [:]
        var hash = ""
        for field in output.fields {
            // A file's line has tabs, a commit's has none; binary files have '-' for numbers.
            let parts = field.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
            if parts.count == 3 {
                files[hash, default: []].append(
                    .init(path: String(parts[2]), added: Int(parts[0]) ?? 0, removed: Int(parts[1]) ?? 0))
            } else {
                hash = field
            }
        }
        return files
    }
}
