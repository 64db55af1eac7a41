/// The tag that keeps what a branch was before it is rewritten: `fork/v0.4.0-3`.
enum BackupTag {
    /// A tag for `commit`: one that it has already, or the next free number.
    static func name(_ git: Git, prefix: String, commit: String) async throws -> (tag: String, exists: Bool) {
        let refs = try await git.read(
            ["for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/tags/\(prefix)-*"])
        var last = 0
        for line in refs.lines {
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard parts.count == 2, let number = Int(parts[1].dropFirst(prefix.count + 1)) else { continue }
            if parts[0] == commit { return (parts[1], true) }
            last = max(last, number)
        }
        return ("\(prefix)-\(last + 1)", false)
    }
}
