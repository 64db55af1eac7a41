import Foundation

/// A work tree of a fork: where it stands, and whether a command may go on.
///
/// Every refusal is a sentence with the command that mends it.
package struct ForkRepository: Sendable {
    /// Upstream's remote.
    package static let remote = "upstream"

    /// The work tree's root.
    package let root: String
    /// git in the root.
    package let git: Git

    /// Opens the work tree that a folder is in.
    /// - Throws: `ForkError` when there is none.
    package init(_ directory: String, observer: @escaping Git.Observer = { _ in }) async throws {
        let top = try await Git(directory).run(["rev-parse", "--show-toplevel"])
        guard top.status == 0, !top.text.isEmpty else {
            throw ForkError(
                "", "\(directory) is in no git work tree", fix: "git clone URL, or git init here, and run it again in there")
        }
        root = top.text
        git = Git(top.text, observer: observer)
    }

    // MARK: What it is a fork of

    /// The path of UPSTREAM.md.
    package var upstreamPath: String { root + "/" + UpstreamFile.name }

    /// UPSTREAM.md of the work tree.
    /// - Throws: `ForkError` with every problem of it, or when it does not exist.
    package func upstreamFile() throws -> UpstreamFile {
        guard let data = FileManager.default.contents(atPath: upstreamPath) else {
            throw ForkError("", "\(UpstreamFile.name) does not exist", fix: "forktail fork init URL")
        }
        return try UpstreamFile(parsing: String(decoding: data, as: UTF8.self))
    }

    /// Writes UPSTREAM.md, whole or not at all.
    package func write(_ file: UpstreamFile) throws {
        try Data(file.text.utf8).write(to: URL(filePath: upstreamPath), options: .atomic)
    }

    /// UPSTREAM.md and its header.
    /// - Throws: `ForkError` in upstream itself, which has none.
    package func fork() throws -> (file: UpstreamFile, header: UpstreamHeader) {
        let file = try upstreamFile()
        guard let header = file.header else {
            throw ForkError(
                "", "this repository is no fork: \(UpstreamFile.name) says 'Upstream: none'", fix: "forktail fork init URL")
        }
        return (file, header)
    }

    /// The branch that upstream's work is seen in: `upstream/main`.
    package static func trackingBranch(_ header: UpstreamHeader) -> String { "\(remote)/\(header.tracking)" }

    /// The fork's commits.
    package func series(_ header: UpstreamHeader, to tip: String = "HEAD") async throws -> Series {
        try await Series.read(git, from: header.base, to: tip)
    }

    /// Fetches upstream, adding its remote where a fresh clone has none. Upstream itself fetches nothing.
    package func fetchUpstream() async throws {
        guard let header = try upstreamFile().header else { return }
        let remote = ForkRepository.remote
        if try await git.run(["remote", "get-url", remote]).status != 0 {
            try await git.change(["remote", "add", remote, header.upstream])
        }
        try await fetch(header.upstream)
    }

    /// Fetches the remote.
    /// - Parameters:
    ///   - url: how messages call it.
    ///   - fix: what mends an address that is none.
    func fetch(
        _ url: String, fix: String = "git remote set-url \(ForkRepository.remote) URL, with the right address"
    ) async throws {
        let fetched = try await git.run(["fetch", "--quiet", "--tags", ForkRepository.remote], changes: true)
        guard fetched.status == 0 else {
            throw ForkError(
                "", "\(url) cannot be fetched: \(fetched.errors.split(separator: "\n").first ?? "git does not say why")",
                fix: fix)
        }
    }

    // MARK: Questions

    /// The commit that a name stands for, nil when there is none.
    package func commit(_ name: String) async throws -> String? {
        let output = try await git.run(["rev-parse", "--verify", "--quiet", "--end-of-options", "\(name)^{commit}"])
        return output.status == 0 ? output.text : nil
    }

    /// Whether `ancestor` is reachable from `descendant` (a commit is its own ancestor).
    package func isAncestor(_ ancestor: String, of descendant: String) async throws -> Bool {
        let output = try await git.run(["merge-base", "--is-ancestor", ancestor, descendant])
        guard output.status <= 1 else { throw ForkError("", output.errors.trimmed()) }
        return output.status == 0
    }

    /// The branch that is checked out, nil when HEAD is detached.
    package func branch() async throws -> String? {
        let output = try await git.run(["symbolic-ref", "--quiet", "--short", "HEAD"])
        return output.status == 0 ? output.text : nil
    }

    /// Paths with changes that are not committed; files that git does not know count only where `untracked`.
    package func changedPaths(untracked: Bool = false) async throws -> [String] {
        let output = try await git.read(
            ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=\(untracked ? "all" : "no")"])
        return output.fields.map { String($0.dropFirst(3)) }
    }

    // MARK: Refusals

    /// - Throws: `ForkError` when something is not committed.
    package func requireClean() async throws {
        let paths = try await changedPaths()
        guard let first = paths.first else { return }
        let more = paths.count > 1 ? " and \(paths.count - 1) more" : ""
        throw ForkError(
            "", "the work tree has changes that are not committed: \(first)\(more)",
            fix: "git commit -a, or git stash")
    }

    /// - Returns: the branch that is checked out.
    /// - Throws: `ForkError` when HEAD is detached.
    package func requireBranch() async throws -> String {
        if let branch = try await branch() { return branch }
        let head = try await commit("HEAD").map { "at \($0.prefix(8))" } ?? "on nothing"
        throw ForkError("", "HEAD is detached, \(head); a fork's commits need a branch", fix: "git switch -c fork/main")
    }

    /// - Throws: `ForkError` when there is no remote `upstream`, or its branch was never fetched.
    package func requireUpstream(_ header: UpstreamHeader) async throws {
        let url = try await git.run(["remote", "get-url", ForkRepository.remote])
        guard url.status == 0 else {
            throw ForkError(
                "", "there is no remote '\(ForkRepository.remote)'; UPSTREAM.md names \(header.upstream)",
                fix: "forktail fork init \(ShellWord.quoted(header.upstream))")
        }
        guard try await commit("refs/remotes/\(ForkRepository.trackingBranch(header))") != nil else {
            throw ForkError(
                "", "the remote '\(ForkRepository.remote)' has no branch '\(header.tracking)' here; UPSTREAM.md tracks it",
                fix: "git fetch \(ForkRepository.remote), or mend Tracking in UPSTREAM.md")
        }
    }

    /// - Throws: `ForkError` when the base does not exist, or is not below HEAD.
    package func requireBase(_ header: UpstreamHeader) async throws {
        let problems = try await baseProblems(header)
        if !problems.isEmpty { throw ForkError(problems) }
    }

    /// What is wrong with the base: it does not exist, is not below HEAD, or its tag means another commit.
    package func baseProblems(_ header: UpstreamHeader) async throws -> [ForkProblem] {
        let isShallow = try await git.read(["rev-parse", "--is-shallow-repository"]).text == "true"
        let unshallow = "git fetch --unshallow"
        guard try await commit(header.base) == header.base else {
            return [
                ForkProblem(
                    "Base", "the commit \(header.base.prefix(8)) does not exist here",
                    fix: isShallow ? unshallow : "git fetch --tags \(ForkRepository.remote)")
            ]
        }
        var problems: [ForkProblem] = []
        if try await !isAncestor(header.base, of: "HEAD") {
            let meant = try await git.run(["merge-base", "HEAD", "refs/remotes/\(ForkRepository.trackingBranch(header))"])
            let fix = meant.status == 0 ? "write: Base: \(meant.text)" : "git switch BRANCH, the branch that holds the fork"
            problems.append(
                ForkProblem(
                    "Base", "the commit \(header.base.prefix(8)) is not an ancestor of HEAD", fix: isShallow ? unshallow : fix))
        }
        if let tag = header.baseTag {
            let tagged = try await commit("refs/tags/\(tag)")
            if let tagged, tagged != header.base {
                // A tag that upstream has moved to where the fork is not is no base of it.
                let fix = try await isAncestor(tagged, of: "HEAD")
                    ? "write: Base: \(tag) \(tagged), or drop the tag's name"
                    : "write: Base: \(header.base), without the tag's name"
                problems.append(
                    ForkProblem(
                        "Base", "the tag \(tag) is the commit \(tagged.prefix(8)), not \(header.base.prefix(8))", fix: fix))
            } else if tagged == nil {
                problems.append(
                    ForkProblem(
                        "Base", "there is no tag \(tag) here", fix: "git fetch --tags \(ForkRepository.remote)"))
            }
        }
        return problems
    }

    /// Whether upstream still has the base in one of its branches or under the base's tag.
    ///
    /// It has not when upstream rewrote its history ("force-pushed").
    package func rewriteProblem(_ header: UpstreamHeader) async throws -> ForkProblem? {
        if let tag = header.baseTag, try await commit("refs/tags/\(tag)") == header.base { return nil }
        let holders = try await git.read(
            ["for-each-ref", "--count=1", "--contains", header.base, "--format=%(refname)",
                "refs/remotes/\(ForkRepository.remote)/", "refs/tags/"])
        guard holders.bytes.isEmpty else { return nil }
        return ForkProblem(
            "Base",
            "upstream rewrote its history: no branch and no tag of it has the commit \(header.base.prefix(8)) any more",
            fix: "forktail fork sync \(ForkRepository.trackingBranch(header)), which carries your changes over")
    }
}
