import Foundation
import JSON
import Testing

/// `forktail plugins diff` and `update`.
@Suite struct PluginUpdateTests {
    private static let parent = "Plugins/Schedulers/Constant"
    private static let fork = "Plugins/Schedulers/AcmeConstant"
    private static let id = "acme.scheduler.constant"

    /// A repository with a fork that changed a line and has a file of its own, and with a file that git ignores.
    private func forked() throws -> PluginRepository {
        let repository = try PluginRepository("Schedulers/Constant")
        try repository.write("\(Self.parent)/Notes.md", "one\ntwo\nthree\nfour\nfive\nsix\n")
        try repository.write(".gitignore", "*.so\n")
        try repository.commit("more")
        let made = try repository.forktail("plugins", "fork", "core.scheduler.constant", "--as", Self.id)
        try #require(made.status == 0, "\(made.diagnostics)")
        try repository.replace("\(Self.fork)/Constant.swift", "factor(step: Int) -> Double { 1 }", "factor(step: Int) -> Double { 0.5 }")
        try repository.write("\(Self.fork)/Ours.md", "ours\n")
        try repository.commit("fork")
        try repository.write("\(Self.fork)/built.so", "built")
        return repository
    }

    private func update(_ repository: PluginRepository, _ arguments: String...) throws -> Executable.Outcome {
        try Executable.shell(
            "cd \"$1\" && shift && exec \"$0\" plugins update \"$@\"", [repository.root, Self.id, "--check", "true"] + arguments)
    }

    private func lineage(_ repository: PluginRepository) throws -> [JSONValue] {
        try repository.json("\(Self.fork)/plugin.json")["lineage"]?.array ?? []
    }

    @Test func `without a change of the parent there is nothing to do`() throws {
        let repository = try forked()
        let before = try repository.contents(Self.fork)
        let outcome = try update(repository)
        #expect(outcome.status == 0)
        #expect(outcome.output == "acme.scheduler.constant is up to date: its parent has not changed since\n")
        #expect(try repository.contents(Self.fork) == before)
        let shown = try repository.forktail("plugins", "diff", Self.id)
        #expect(shown.output.contains("-    public func factor(step: Int) -> Double { 1 }\n+    public func factor(step: Int) -> Double { 0.5 }"))
        #expect(shown.output.contains("their change since the base: none"))
        // Who it is and where it is from is no change of the fork's.
        #expect(!shown.output.contains("lineage"))
    }

    @Test func `changes of different places are merged, and the lineage moves`() throws {
        let repository = try forked()
        try repository.replace("\(Self.parent)/Constant.swift", "after warm-up.", "once it is warm.")
        try repository.replace("\(Self.parent)/plugin.json", "\"version\": \"0.1.0\"", "\"version\": \"0.2.0\"")
        try repository.replace("\(Self.parent)/plugin.json", "as it is\"", "as it was\"")
        try repository.git("mv", "\(Self.parent)/Notes.md", "\(Self.parent)/Notices.md")
        try repository.write("\(Self.parent)/deep/New.md", "new\n")
        let commit = try repository.commit("theirs")
        let shown = try JSONValue(parsing: repository.forktail("plugins", "diff", Self.id, "--json").output)
        #expect(shown["both"]?.array?.compactMap(\.string) == ["Constant.swift"])
        #expect(shown["conflicts"]?.array?.isEmpty == true)
        let outcome = try update(repository)
        try #require(outcome.status == 0, "\(outcome.output)\(outcome.diagnostics)")
        let source = try repository.text("\(Self.fork)/Constant.swift")
        #expect(source.contains("once it is warm.") && source.contains("{ 0.5 }"))
        #expect(repository.exists("\(Self.fork)/Notices.md") && !repository.exists("\(Self.fork)/Notes.md"))
        #expect(try repository.text("\(Self.fork)/deep/New.md") == "new\n")
        #expect(try repository.text("\(Self.fork)/built.so") == "built")
        // Not committed yet, and asked again.
        let again = try update(repository)
        #expect(again.status == 0 && again.output.contains("is up to date"), "\(again.output)\(again.diagnostics)")
        let manifest = try repository.json("\(Self.fork)/plugin.json")
        #expect(manifest["summary"]?.string == "The learning rate as it was")
        #expect(manifest["id"]?.string == Self.id && manifest["version"]?.string == "0.1.0")
        let ancestor = try #require(try lineage(repository).first)
        #expect(ancestor["version"]?.string == "0.2.0" && ancestor["commit"]?.string == commit)
        #expect(try ancestor["tree"]?.string == repository.git("rev-parse", "HEAD:\(Self.parent)"))
        try repository.commit("updated")
        #expect(try update(repository).output.contains("is up to date"))
    }

    /// A fork and a parent that changed the same line, and a file that one deleted and the other changed.
    private func inConflict() throws -> PluginRepository {
        let repository = try forked()
        try repository.replace("\(Self.parent)/Constant.swift", "factor(step: Int) -> Double { 1 }", "factor(step: Int) -> Double { 2 }")
        try repository.git("rm", "--quiet", "\(Self.parent)/Notes.md")
        try repository.commit("theirs")
        try repository.replace("\(Self.fork)/Notes.md", "three", "THREE")
        try repository.commit("ours")
        return repository
    }

    @Test func `conflicts are marked and listed, and the lineage waits for them`() throws {
        let repository = try inConflict()
        let old = try lineage(repository)
        let shown = try repository.forktail("plugins", "diff", Self.id, "--stat")
        #expect(shown.output.contains("  CONFLICT  Constant.swift: both changed the same lines\n"))
        let outcome = try update(repository)
        #expect(outcome.status == 3)
        #expect(outcome.output.contains("  CONFLICT  Constant.swift: both changed the same lines\n"))
        #expect(outcome.output.contains("  CONFLICT  Notes.md: you changed it, the parent deleted it\n"))
        #expect(try repository.text("\(Self.fork)/Constant.swift").contains("<<<<<<< HEAD"))
        #expect(try lineage(repository) == old)
        // Again says the same, and resolving comes first.
        #expect(try update(repository).status == 3)
        let early = try update(repository, "--continue")
        #expect(early.status == 2)
        #expect(
            early.error == "Constant.swift: still has the marks of a conflict (<<<<<<<, >>>>>>>)\n    fix: choose the lines to keep")
        let text = try repository.text("\(Self.fork)/Constant.swift")
        try repository.write(
            "\(Self.fork)/Constant.swift", text.replacing(/<<<<<<< (?s:.)*>>>>>>> [^\n]*\n/, with: "    public func factor(step: Int) -> Double { 1 }\n"))
        let done = try update(repository, "--continue")
        #expect(done.status == 0, "\(done.output)\(done.diagnostics)")
        #expect(try lineage(repository).first?["tree"]?.string == repository.git("rev-parse", "HEAD:\(Self.parent)"))
        #expect(try update(repository, "--continue").status == 2)
    }

    @Test func `an update that is given up leaves everything as it was`() throws {
        let repository = try inConflict()
        let before = try repository.contents(Self.fork)
        #expect(try update(repository).status == 3)
        #expect(try repository.contents(Self.fork) != before)
        #expect(try update(repository, "--abort").output == "acme.scheduler.constant is as it was before the update\n")
        #expect(try repository.contents(Self.fork) == before)
        #expect(try repository.git("status", "--porcelain").isEmpty)
        #expect(try update(repository, "--abort").error?.hasPrefix("acme.scheduler.constant: no update of it is under way") == true)
    }

    @Test func `a check that fails keeps the update open`() throws {
        let repository = try forked()
        try repository.replace("\(Self.parent)/Constant.swift", "after warm-up.", "once it is warm.")
        try repository.commit("theirs")
        let before = try repository.contents(Self.fork)
        let failed = try repository.forktail("plugins", "update", Self.id, "--check", "echo no good; false")
        #expect(failed.status == 3)
        #expect(failed.output.contains("no good"))
        #expect(try update(repository, "--abort").status == 0)
        #expect(try repository.contents(Self.fork) == before)
    }

    @Test func `without notes the check is a build`() throws {
        let repository = try forked()
        try repository.replace("\(Self.parent)/Constant.swift", "{ 1 }\n}\n\n/// Registers", "{ one }\n}\n\n/// Registers")
        try repository.commit("theirs do not compile")
        try repository.replace("\(Self.fork)/Constant.swift", "{ 0.5 }", "{ 1 }")
        try repository.commit("ours is theirs")
        let failed = try repository.forktail("plugins", "update", Self.id)
        #expect(failed.status == 3)
        #expect(failed.output.contains("acme.scheduler.constant does not compile"))
    }

    @Test func `a fork in a repository of its own follows a parent elsewhere`() throws {
        let upstream = try PluginRepository("Schedulers/Constant")
        let own = try PluginRepository(beside: upstream, "own")
        #expect(try own.forktail("plugins", "fork", "core.scheduler.constant", "--as", Self.id, "--from", upstream.root, "--into", ".").status == 0)
        try own.commit("fork")
        try upstream.replace("\(Self.parent)/Constant.swift", "after warm-up.", "once it is warm.")
        let commit = try upstream.commit("theirs")
        let outcome = try own.forktail("plugins", "update", Self.id, "--parent", upstream.root, "--check", "true")
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.diagnostics)")
        #expect(try own.text("Constant.swift").contains("once it is warm."))
        #expect(try own.json("plugin.json")["lineage"]?.array?.first?["commit"]?.string == commit)
        // A parent whose history lacks the base is told from one that has it.
        let other = try PluginRepository("Schedulers/Constant")
        try own.commit("updated")
        let lost = try own.forktail("plugins", "update", Self.id, "--parent", other.root)
        #expect(lost.status == 2)
        #expect(lost.error?.contains("was made from commit \(commit) of core.scheduler.constant, whose files") == true)
    }

    @Test func `a folder with changes, and a plugin that is no fork, are refused`() throws {
        let repository = try forked()
        try repository.write("\(Self.parent)/New.md", "new\n")
        try repository.commit("theirs")
        try repository.write("\(Self.fork)/Ours.md", "changed\n")
        let dirty = try update(repository)
        #expect(dirty.status == 2)
        #expect(dirty.error?.contains("has changes that are not committed (\(Self.fork)/Ours.md)") == true)
        let none = try repository.forktail("plugins", "update", "core.scheduler.constant")
        #expect(none.status == 2)
        #expect(none.error?.hasPrefix("core.scheduler.constant: was not made from another plugin") == true)
    }

    @Test func `killed anywhere, it goes on or is taken back`() throws {
        let repository = try forked()
        try repository.replace("\(Self.parent)/Constant.swift", "after warm-up.", "once it is warm.")
        for number in 0..<300 { try repository.write("\(Self.parent)/more/\(number).md", "\(number)\n") }
        try repository.git("rm", "--quiet", "\(Self.parent)/Notes.md")
        try repository.commit("theirs")
        let before = try repository.contents(Self.fork)
        let clock = ContinuousClock.now
        #expect(try update(repository).status == 0)
        let seconds = (ContinuousClock.now - clock) / .seconds(1)
        let after = try repository.contents(Self.fork)
        try repository.git("checkout", "--quiet", "--", ".")
        try repository.git("clean", "--quiet", "-fd")
        try #require(try repository.contents(Self.fork) == before)
        var halfway = 0
        for trial in 0..<24 {
            // Files change for a few milliseconds only: most of the times it is killed shortly after that began.
            let delay = trial % 4 == 0 ? seconds * Double.random(in: 0...1.1) : 0
            let turns = Int.random(in: 0...60_000)
            _ = try Executable.shell(
                """
                cd "$1" || exit 1
                "$0" plugins update "$2" --check true & id=$!
                if [ "$3" != 0.0000 ]; then sleep "$3"; else
                    until [ -e "$1/.git/forktail/update/$2/journal.json" ] || ! kill -0 $id 2> /dev/null; do :; done
                    for ((i = 0; i < $4; i++)); do :; done
                fi
                kill -KILL $id 2> /dev/null; wait $id; true
                """, [repository.root, Self.id, String(format: "%.4f", delay), "\(turns)"])
            let found = try repository.contents(Self.fork)
            if found != before, found != after { halfway += 1 }
            if trial % 2 == 0 {
                #expect(try update(repository).status == 0, "killed after \(delay) s, \(turns) turns")
                #expect(try repository.contents(Self.fork) == after, "killed after \(delay) s, \(turns) turns")
                try repository.git("checkout", "--quiet", "--", ".")
                try repository.git("clean", "--quiet", "-fd")
            } else {
                // Killed before or after everything, there is nothing to take back.
                if try update(repository, "--abort").status == 2 {
                    try repository.git("checkout", "--quiet", "--", ".")
                    try repository.git("clean", "--quiet", "-fd")
                }
            }
            #expect(try repository.contents(Self.fork) == before, "killed after \(delay) s, \(turns) turns")
        }
        print("killed while files were changing: \(halfway) of 24")
    }
}
