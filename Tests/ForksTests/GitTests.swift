import Forks
import Synchronization
import Testing

@Suite("git")
struct GitTests {
    @Test("commands are told as a user would type them, and whether they change something")
    func observed() async throws {
        let workspace = try await ForkWorkspace(initialized: false)
        let seen = Mutex<[GitCommand]>([])
        let git = Git(workspace.fork.directory) { command in seen.withLock { $0.append(command) } }
        _ = try await git.read(["log", "-1", "--format=%s it's"])
        try await git.change(["tag", "a"])
        _ = try await git.at("/tmp/x y").run(["status"])
        #expect(seen.withLock { $0.map(\.description) }.first == "git log -1 '--format=%s it'\\''s'")
        #expect(seen.withLock { $0.map(\.changes) } == [false, true, false])
        #expect(seen.withLock { $0.last?.description } == "git -C '/tmp/x y' status")
    }

    @Test("a failure says the command, its status and what git said")
    func failure() async throws {
        let workspace = try await ForkWorkspace(initialized: false)
        let error = await #expect(throws: GitError.self) { try await workspace.fork.read(["switch", "nowhere"]) }
        #expect(error?.description == "'git switch nowhere' failed with status 128: fatal: invalid reference: nowhere")
    }

    @Test("a user's settings do not change what is read")
    func settings() async throws {
        let workspace = try await ForkWorkspace(initialized: false)
        for (key, value) in [("color.ui", "always"), ("diff.noprefix", "true"), ("core.quotePath", "true")] {
            try await workspace.fork.change(["config", key, value])
        }
        try await workspace.commit(workspace.fork, "FORK: x", ["a \u{E9}.txt": "x\n"])
        let text = try await workspace.fork.read(["show", "--format=%s"]).text
        #expect(text.contains("diff --git a/a \u{E9}.txt b/a \u{E9}.txt"))
        #expect(!text.contains("\u{1B}"))
    }

    @Test("output of any size and input reach the other side whole")
    func large() async throws {
        let workspace = try await ForkWorkspace(initialized: false)
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
        let hash = try await workspace.fork.change(["hash-object", "-w", "--stdin"], input: bytes).text
        #expect(try await workspace.fork.read(["cat-file", "blob", hash]).bytes == bytes)
    }

    @Test("a shell's command is known not to run before it runs")
    func shell() async throws {
        let workspace = try await ForkWorkspace(initialized: false)
        let folder = workspace.fork.directory
        #expect(try await ShellCommand("A=1 test -f README.md && cat README.md").problem(in: folder) == nil)
        #expect(try await ShellCommand("$TOOL run").problem(in: folder) == nil)
        #expect(try await ShellCommand("nosuchprogram --x").problem(in: folder) == "there is no program 'nosuchprogram'")
        #expect(try await ShellCommand("if true").problem(in: folder)?.isEmpty == false)
        let ending = try await ShellCommand("cat README.md; echo no >&2; exit 7").run(in: folder)
        #expect(ending.status == 7)
        #expect(ending.output == "read me\nno\n")
    }
}
