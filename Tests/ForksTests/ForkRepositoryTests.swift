import Forks
import Foundation
import Testing

@Suite("what keeps a command of forktail fork from going on")
struct ForkRepositoryTests {
    /// The refusal, without what differs between runs.
    private func refusal(_ workspace: ForkWorkspace, _ body: (ForkRepository) async throws -> Void) async throws -> String {
        let repository = try await workspace.repository()
        let error = await #expect(throws: ForkError.self) { try await body(repository) }
        return workspace.plain(error?.description ?? "")
    }

    private func refusal(
        _ workspace: ForkWorkspace, _ header: UpstreamHeader, _ body: (ForkRepository, UpstreamHeader) async throws -> Void
    ) async throws -> String {
        try await refusal(workspace) { try await body($0, header) }
    }

    @Test("a folder that is in no work tree")
    func outside() async throws {
        let workspace = try await ForkWorkspace(initialized: false)
        let error = await #expect(throws: ForkError.self) { try await ForkRepository(workspace.root) }
        #expect(
            error.map { workspace.plain($0.description) } == """
                ROOT is in no git work tree
                    fix: git clone URL, or git init here, and run it again in there
                """)
    }

    @Test("upstream itself, and a tree without UPSTREAM.md")
    func noFork() async throws {
        let workspace = try await ForkWorkspace(initialized: false)
        #expect(
            try await refusal(workspace) { _ = try $0.fork() } == """
                this repository is no fork: UPSTREAM.md says 'Upstream: none'
                    fix: forktail fork init URL
                """)
        try FileManager.default.removeItem(atPath: workspace.fork.directory + "/UPSTREAM.md")
        #expect(
            try await refusal(workspace) { _ = try $0.fork() } == """
                UPSTREAM.md does not exist
                    fix: forktail fork init URL
                """)
    }

    @Test("a dirty work tree")
    func dirty() async throws {
        let workspace = try await ForkWorkspace()
        try await workspace.repository().requireClean()
        let folder = workspace.fork.directory
        try Data("x".utf8).write(to: URL(filePath: folder + "/untracked.txt"))
        try await workspace.repository().requireClean()
        try Data("x".utf8).write(to: URL(filePath: folder + "/README.md"))
        #expect(
            try await refusal(workspace) { try await $0.requireClean() } == """
                the work tree has changes that are not committed: README.md
                    fix: git commit -a, or git stash
                """)
        try FileManager.default.removeItem(atPath: folder + "/Sources/Core/Thing.swift")
        #expect(try await refusal(workspace) { try await $0.requireClean() }.contains("README.md and 1 more\n"))
    }

    @Test("a detached HEAD")
    func detached() async throws {
        let workspace = try await ForkWorkspace()
        #expect(try await workspace.repository().requireBranch() == "fork/main")
        try await workspace.fork.change(["switch", "--quiet", "--detach"])
        #expect(
            try await refusal(workspace) { _ = try await $0.requireBranch() } == """
                HEAD is detached, at HASH; a fork's commits need a branch
                    fix: git switch -c fork/main
                """)
    }

    @Test("a remote that is missing, or has no such branch")
    func remote() async throws {
        let workspace = try await ForkWorkspace()
        var header = try await workspace.repository().fork().header
        try await workspace.repository().requireUpstream(header)
        header.tracking = "next"
        #expect(
            try await refusal(workspace, header) { try await $0.requireUpstream($1) } == """
                the remote 'upstream' has no branch 'next' here; UPSTREAM.md tracks it
                    fix: git fetch upstream, or mend Tracking in UPSTREAM.md
                """)
        try await workspace.fork.change(["remote", "remove", "upstream"])
        #expect(
            try await refusal(workspace, header) { try await $0.requireUpstream($1) } == """
                there is no remote 'upstream'; UPSTREAM.md names ROOT/upstream
                    fix: forktail fork init ROOT/upstream
                """)
    }

    @Test("a base that does not exist, is not below HEAD, or is not what its tag says")
    func base() async throws {
        let workspace = try await ForkWorkspace()
        var header = try await workspace.repository().fork().header
        try await workspace.repository().requireBase(header)
        let right = header.base
        header.base = String(repeating: "12ab", count: 10)
        #expect(
            try await refusal(workspace, header) { try await $0.requireBase($1) } == """
                Base: the commit HASH does not exist here
                    fix: git fetch --tags upstream
                """)
        header.base = try await workspace.commit(workspace.upstream, "core: on", ["README.md": "2\n"])
        try await workspace.fork.change(["fetch", "--quiet", "upstream"])
        #expect(
            try await refusal(workspace, header) { try await $0.requireBase($1) } == """
                Base: the commit HASH is not an ancestor of HEAD
                    fix: write: Base: HASH
                Base: the tag v0.1.0 is the commit HASH, not HASH
                    fix: write: Base: v0.1.0 HASH, or drop the tag's name
                """)
        let elsewhere = header.base
        header.base = right
        try await workspace.fork.change(["tag", "--force", "v0.1.0", elsewhere])
        #expect(
            try await refusal(workspace, header) { try await $0.requireBase($1) } == """
                Base: the tag v0.1.0 is the commit HASH, not HASH
                    fix: write: Base: HASH, without the tag's name
                """)
        header.baseTag = nil
        try await workspace.repository().requireBase(header)
        header.baseTag = "v9"
        #expect(
            try await refusal(workspace, header) { try await $0.requireBase($1) } == """
                Base: there is no tag v9 here
                    fix: git fetch --tags upstream
                """)
    }

    @Test("a clone without the commits in between")
    func shallow() async throws {
        let workspace = try await ForkWorkspace()
        try await workspace.commit(workspace.fork, "FORK: x", ["mine.txt": "x"])
        try await Git(workspace.root).change(["clone", "--quiet", "--depth=1", "file://\(workspace.fork.directory)", "shallow"])
        let repository = try await ForkRepository(workspace.root + "/shallow")
        let problems = try await repository.baseProblems(repository.fork().header)
        #expect(
            problems.map { workspace.plain($0.description) } == [
                "Base: the commit HASH does not exist here\n    fix: git fetch --unshallow"
            ])
    }

    @Test("an upstream that rewrote its history")
    func rewritten() async throws {
        let workspace = try await ForkWorkspace(initialized: false)
        try await workspace.upstream.change(["tag", "--delete", "v0.1.0"])
        _ = try await workspace.initialize()
        let repository = try await workspace.repository()
        let header = try repository.fork().header
        #expect(header.baseTag == nil)
        #expect(try await repository.rewriteProblem(header) == nil)
        try await workspace.upstream.change(["commit", "--quiet", "--amend", "--message", "core: another begin"])
        try await workspace.fork.change(["fetch", "--quiet", "upstream"])
        #expect(
            try await repository.rewriteProblem(header).map { workspace.plain($0.description) } == """
                Base: upstream rewrote its history: no branch and no tag of it has the commit HASH any more
                    fix: forktail fork sync upstream/main, which carries your changes over
                """)
        #expect(try await StatusReport(repository, today: ForkWorkspace.today).notices.count == 1)
    }
}
