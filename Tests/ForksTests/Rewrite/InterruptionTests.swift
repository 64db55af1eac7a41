import Forks
import Foundation
import Testing

/// `forktail fork sync` ended by signal 9 around every git command that it runs, and in the middle of some.
///
/// A `git` that stands first on the path counts its runs, and ends its parent at one of them.
struct InterruptionTests {
    private static let lines = (1...12).map { "line \($0)\n" }.joined()
    private static let executable = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "forktail").path

    /// Three changes: one clean, one in conflict, one with a new folder; upstream removes, adds and moves files.
    private func fork() async throws -> TestFork {
        let lines = InterruptionTests.lines
        let fork = try await TestFork(["A": lines, "B": lines, "Old/C": lines, "Old/D": "d\n"])
        try await fork.change("far", "touch B", ["B": lines + "ours\n"])
        try await fork.entry("far")
        try await fork.change("clamp", "clamp line 2", ["A": lines.replacing("line 2\n", with: "ours\n")])
        try await fork.entry("clamp")
        try await fork.change("new", "a folder", ["New/E": "e\n", "Old/C": lines + "more\n"])
        try await fork.entry("new")
        try await fork.upstream(tag: "v1.1.0") {
            try fork.write(["A": lines.replacing("line 2\n", with: "theirs\n"), "Old/D": nil, "Theirs/F": "f\n"])
            try await fork.git.change(["mv", "Old/C", "Moved"])
            try await fork.commit("rework")
        }
        return fork
    }

    private enum Moment: String, CaseIterable {
        case after
        case during
    }

    /// Runs the command in a fork's folder; at its git command number `place`, if there is one, it is ended.
    /// - Returns: the exit status, and the number of git commands.
    private func run(
        _ arguments: String, in fork: TestFork, endedAt place: Int = 0, _ moment: Moment = .after, seed: Int = 0
    ) throws -> (status: Int32, count: Int) {
        let folder = fork.root + ".bin"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { do { try FileManager.default.removeItem(atPath: folder) } catch { Issue.record(error) } }
        let git = """
            #!/bin/bash
            number=$(($(cat "\(folder)/count") + 1)); echo $number > "\(folder)/count"
            PATH=${PATH#*:}
            if [ $number != \(place) ]; then exec git "$@"; fi
            if [ \(moment) = after ]; then git "$@"; kill -9 $PPID; exit; fi
            git "$@" <&0 & child=$!
            sleep 0.00\(1 + seed % 9); kill -9 $child 2> /dev/null; kill -9 $PPID
            """
        try Data(git.utf8).write(to: URL(filePath: "\(folder)/git"))
        try Data("0".utf8).write(to: URL(filePath: "\(folder)/count"))
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/bash")
        shell.arguments = [
            "-c", "chmod +x \"$1/git\"; cd \"$2\"; PATH=$1:$PATH; \"$0\" fork \(arguments) > /dev/null 2> \"$1/errors\"; s=$?; sleep 0.05; exit $s",
            InterruptionTests.executable, folder, fork.root,
        ]
        shell.standardError = FileHandle.nullDevice
        try shell.run()
        shell.waitUntilExit()
        let count = try String(contentsOfFile: "\(folder)/count", encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        if shell.terminationStatus == 2 || shell.terminationStatus == 1 {
            Issue.record("fork \(arguments): \(try String(contentsOfFile: "\(folder)/errors", encoding: .utf8))")
        }
        return (shell.terminationStatus, Int(count) ?? 0)
    }

    /// What a finished sync leaves, whatever happened on the way.
    private func end(_ fork: TestFork) async throws -> [String] {
        let files = try await fork.git.read(["ls-tree", "-r", "-z", "HEAD"]).fields
        let subjects = try await fork.git.read(["log", "--format=%an %s", "v1.1.0..HEAD"]).lines
        let refs = try await fork.git.read(["for-each-ref", "--format=%(refname)"]).lines
        let old = try await fork.head("fork/v1.0.0-1")
        let state = try await fork.snapshot().filter { !$0.hasPrefix("refs/") }
        return files + subjects + refs + [old] + state
    }

    @Test func `sync ended at any point: the same command goes on, and --abort brings everything back`() async throws {
        let fork = try await fork()
        let before = try await fork.snapshot()
        let calm = try TestFork(copying: fork)
        let (stopped, first) = try run("sync v1.1.0", in: calm)
        #expect(stopped == 3)
        let (done, second) = try run("sync --skip", in: calm)
        #expect(done == 0)
        let expected = try await end(calm)
        var places = 0
        for moment in Moment.allCases {
            for place in stride(from: 1, through: first, by: moment == .after ? 1 : 3) {
                let copy = try TestFork(copying: fork)
                let ending = try run("sync v1.1.0", in: copy, endedAt: place, moment, seed: place)
                #expect(ending.status == 137, "\(moment) \(place)")
                if place.isMultiple(of: 2) {
                    try await abort(copy, before, "\(moment) git command \(place) of \(first)")
                } else {
                    #expect(try run("sync v1.1.0", in: copy).status == 3, "\(moment) \(place)")
                    #expect(try run("sync --skip", in: copy).status == 0, "\(moment) \(place)")
                    #expect(try await end(copy) == expected, "\(moment) git command \(place) of \(first)")
                }
                places += 1
            }
        }
        let half = try TestFork(copying: fork)
        _ = try run("sync v1.1.0", in: half)
        for moment in Moment.allCases {
            for place in stride(from: 1, through: second, by: moment == .after ? 1 : 3) {
                let copy = try TestFork(copying: half)
                #expect(try run("sync --skip", in: copy, endedAt: place, moment, seed: place).status == 137)
                if place.isMultiple(of: 2) {
                    try await abort(copy, before, "--skip, \(moment) git command \(place) of \(second)")
                } else {
                    if try run("sync v1.1.0", in: copy).status == 3 { _ = try run("sync --skip", in: copy) }
                    #expect(try await end(copy) == expected, "--skip, \(moment) git command \(place) of \(second)")
                }
                places += 1
            }
        }
        print("sync ended by signal 9 at \(places) places: nothing lost")
    }

    /// Undoes what was ended, unless it had not begun or was done already.
    private func abort(_ fork: TestFork, _ before: [String], _ place: Comment) async throws {
        if FileManager.default.fileExists(atPath: "\(fork.root)/.git/forktail-rewrite.json") {
            #expect(try run("sync --abort", in: fork).status == 0, place)
            #expect(try await fork.snapshot() == before, place)
        } else if try await fork.head("fork/main") == fork.head("HEAD"), try await fork.snapshot() != before {
            // The last command had run: the sync was done.
            #expect(try fork.text("UPSTREAM.md").contains("Base: v1.1.0"), place)
        }
    }
}
