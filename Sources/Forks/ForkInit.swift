/// Makes a clone a fork: the remote `upstream`, the settings of git that help, and the header of UPSTREAM.md.
package struct ForkInit: Sendable {
    let repository: ForkRepository
    /// Where upstream is fetched from.
    let url: String
    /// Upstream's branch to follow; the remote's own choice when nil.
    let tracking: String?
    /// The tag or commit that the fork stands on; where the branches part when nil.
    let base: String?
    let today: Day

    package init(_ repository: ForkRepository, url: String, tracking: String?, base: String?, today: Day) {
        (self.repository, self.url, self.tracking, self.base, self.today) = (repository, url, tracking, base, today)
    }

    private var git: Git { repository.git }

    /// Does what has not been done yet: repeating it changes nothing.
    /// - Returns: what was done, a line each.
    /// - Throws: `ForkError` when the work tree is not clean, the remote is another one, or the base is not below HEAD.
    package func run() async throws -> [String] {
        try await repository.requireClean()
        _ = try await repository.requireBranch()
        let file = try repository.upstreamFile()
        if let known = file.header?.upstream, known != url {
            throw ForkError(
                "", "UPSTREAM.md says that this is a fork of \(known), not of \(url)",
                fix: "forktail fork init \(ShellWord.quoted(known)), or mend Upstream in UPSTREAM.md first")
        }
        var done = try await remote()
        let branch = try await trackingBranch(file.header)
        for (key, value) in [("rerere.enabled", "true"), ("merge.conflictStyle", "zdiff3")] {
            guard try await git.run(["config", "--local", key]).text != value else { continue }
            try await git.change(["config", "--local", key, value])
            done.append("set \(key) = \(value)")
        }
        let header = try await header(file.header, branch)
        try await repository.requireBase(header)
        guard header != file.header else { return done + ["UPSTREAM.md is up to date"] }
        var new = file
        new.header = header
        if file.header == nil { new.prose = ForkInit.prose }
        try repository.write(new)
        try await git.change(["commit", "--quiet", "--message", "NOTES: a fork of \(url)", "--only", "--", UpstreamFile.name])
        return done + ["wrote and committed UPSTREAM.md: base \((header.baseTag.map { "\($0) " } ?? "") + header.base)"]
    }

    private static let prose = """
        What this fork changes of upstream, one section for each change (Docs/forks.md). `forktail fork check` reads it.
        """

    /// Adds the remote and fetches it.
    private func remote() async throws -> [String] {
        let remote = ForkRepository.remote
        let known = try await git.run(["remote", "get-url", remote])
        if known.status != 0 {
            try await git.change(["remote", "add", remote, url])
            do {
                try await repository.fetch(url, fix: "forktail fork init URL, with the right address")
            } catch {
                // A mistyped address is not one to keep.
                try await git.change(["remote", "remove", remote])
                throw error
            }
            return ["added the remote \(remote): \(url)", "fetched \(remote)"]
        } else if known.text != url {
            throw ForkError(
                "", "the remote '\(remote)' is \(known.text), not \(url)",
                fix: "git remote set-url \(remote) \(ShellWord.quoted(url))")
        }
        try await repository.fetch(url)
        return ["fetched \(remote)"]
    }

    private func trackingBranch(_ header: UpstreamHeader?) async throws -> String {
        if let tracking = tracking ?? header?.tracking { return tracking }
        let head = try await git.read(["ls-remote", "--symref", ForkRepository.remote, "HEAD"])
        if let match = head.text.firstMatch(of: /ref: refs\/heads\/(\S+)\tHEAD/) { return String(match.1) }
        throw ForkError("", "\(url) does not say which branch is its main one", fix: "forktail fork init URL --track BRANCH")
    }

    private func header(_ old: UpstreamHeader?, _ tracking: String) async throws -> UpstreamHeader {
        if let old, base == nil, old.tracking == tracking { return old }
        let branch = "\(ForkRepository.remote)/\(tracking)"
        let commit: String
        if let base {
            guard let named = try await repository.commit(base) else {
                throw ForkError("--base", "found '\(base)', expected a tag or a commit of upstream", fix: "git tag --list")
            }
            commit = named
        } else {
            guard try await repository.commit("refs/remotes/\(branch)") != nil else {
                throw ForkError(
                    "--track", "\(url) has no branch '\(tracking)'",
                    fix: "git branch --remotes --list '\(ForkRepository.remote)/*'")
            }
            let meeting = try await git.run(["merge-base", "HEAD", branch])
            guard meeting.status == 0 else {
                throw ForkError(
                    "", "this repository and \(url) have no commit in common", fix: "git clone \(ShellWord.quoted(url))")
            }
            commit = meeting.text
        }
        let tags = try await git.read(
            ["for-each-ref", "--points-at", commit, "--sort=-version:refname", "--format=%(refname:short)", "refs/tags/"])
        let tag = tags.lines.first { $0 == base } ?? tags.lines.first { !$0.hasPrefix("fork/") }
        var header =
            old
            ?? UpstreamHeader(
                upstream: url, tracking: tracking, baseTag: nil, base: commit, lastSync: today.description)
        if header.base != commit { header.lastSync = today.description }
        (header.tracking, header.base, header.baseTag) = (tracking, commit, tag)
        return header
    }
}
