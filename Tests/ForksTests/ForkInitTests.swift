import Forks
import Foundation
import Testing

@Suite("forktail fork init")
struct ForkInitTests {
    @Test("a clone becomes a fork, and a second time nothing changes")
    func twice() async throws {
        let workspace = try await ForkWorkspace(initialized: false)
        let url = workspace.upstream.directory
        let base = try await workspace.upstream.read(["rev-parse", "HEAD"]).text
        #expect(try await workspace.initialize() == [
            "added the remote upstream: \(url)", "fetched upstream", "set rerere.enabled = true",
            "set merge.conflictStyle = zdiff3", "wrote and committed UPSTREAM.md: base v0.1.0 \(base)",
        ])
        let text = try String(contentsOfFile: workspace.fork.directory + "/UPSTREAM.md", encoding: .utf8)
        #expect(
            text == """
                # Upstream
                Upstream: \(url)
                Tracking: main
                Base: v0.1.0 \(base)
                Last-Sync: 2026-11-20
                Strategy: rebase
                Max-Core-Patches: 10

                What this fork changes of upstream, one section for each change (Docs/forks.md). `forktail fork check` reads it.

                """)
        let head = try await workspace.fork.read(["rev-parse", "HEAD"]).text
        #expect(try await workspace.initialize() == ["fetched upstream", "UPSTREAM.md is up to date"])
        #expect(try await workspace.fork.read(["rev-parse", "HEAD"]).text == head)
        #expect(try await workspace.check() == [])
    }

    @Test("entries and prose stay when the base is moved")
    func moved() async throws {
        let workspace = try await ForkWorkspace()
        try await workspace.change("one", "FORK: x", ["mine.txt": "x"])
        try await workspace.note(ForkWorkspace.entry("one"))
        let first = try await workspace.fork.read(["rev-parse", "HEAD~2"]).text
        _ = try await workspace.initialize(base: first)
        let file = try await workspace.repository().upstreamFile()
        #expect(file.header?.base == first)
        #expect(file.header?.baseTag == nil)
        #expect(file.entries.map(\.slug) == ["one"])
    }

    @Test("wrong input is refused with what mends it")
    func refused() async throws {
        let workspace = try await ForkWorkspace(initialized: false)
        func refusal(_ url: String? = nil, tracking: String? = nil, base: String? = nil) async -> String? {
            let error = await #expect(throws: ForkError.self) {
                try await workspace.initialize(url, tracking: tracking, base: base)
            }
            return error.map { workspace.plain($0.description) }
        }
        #expect(
            await refusal(workspace.root + "/nowhere")?.hasPrefix("ROOT/nowhere cannot be fetched: fatal: 'ROOT/nowhere'") == true)
        // A mistyped address leaves no remote behind.
        #expect(try await !workspace.fork.read(["remote"]).lines.contains("upstream"))
        try await workspace.fork.change(["remote", "add", "upstream", workspace.root + "/nowhere"])
        #expect(
            await refusal() == """
                the remote 'upstream' is ROOT/nowhere, not ROOT/upstream
                    fix: git remote set-url upstream ROOT/upstream
                """)
        try await workspace.fork.change(["remote", "set-url", "upstream", workspace.upstream.directory])
        #expect(
            await refusal(base: "v9") == """
                --base: found 'v9', expected a tag or a commit of upstream
                    fix: git tag --list
                """)
        #expect(
            await refusal(tracking: "next") == """
                --track: ROOT/upstream has no branch 'next'
                    fix: git branch --remotes --list 'upstream/*'
                """)
        _ = try await workspace.initialize()
        #expect(
            await refusal("https://example.org/x.git") == """
                UPSTREAM.md says that this is a fork of ROOT/upstream, not of https://example.org/x.git
                    fix: forktail fork init ROOT/upstream, or mend Upstream in UPSTREAM.md first
                """)
    }
}
