import Forks
import Foundation
import Testing

@Suite("export and import of a series")
struct ExchangeTests {
    private func contents(_ folder: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            files[name] = try Data(contentsOf: URL(filePath: folder + "/" + name))
        }
        return files
    }

    /// A fork with everything that a mail could spoil.
    private func workspace() async throws -> ForkWorkspace {
        let workspace = try await ForkWorkspace()
        let body = "From here on\nFrom me Mon Sep 17 00:00:00 2001\n>From x\n  indented\n\n[PATCH] in the text\n\nTrailing"
        let subject = "FORK: Re: [PATCH] [x] core: a l\u{F6}ng subject that goes on and on until a mail folds it"
        try await workspace.change("one", subject, ["mine.txt": "x\r\ny\r\n", "b c \u{E9}.txt": "spaces  \n\n\n"], body: body)
        try await workspace.note(ForkWorkspace.entry("one", touches: ["mine.txt", "b c \u{E9}.txt"]))
        try Data((0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 31) }).write(to: URL(filePath: workspace.fork.directory + "/bin.dat"))
        try await workspace.change("one", "FORK: binary", [:])
        try await workspace.change("one", "FORK: binary", ["README.md": nil, "READ me.md": "read me\n"])
        try await workspace.change("one", "FORK: empty", [:])
        try await workspace.fork.change(["update-index", "--chmod=+x", "mine.txt"])
        try await workspace.fork.change(["commit", "--quiet", "--message", "FORK: mode, no end of line"])
        try await workspace.change("one", "FORK: \u{4E2D}\u{6587}", ["mine.txt": "no end"])
        return workspace
    }

    @Test("export, import and export again give the same bytes and the same tree", arguments: [false, true])
    func roundTrip(_ dep3: Bool) async throws {
        let workspace = try await workspace()
        let repository = try await workspace.repository()
        let (first, second) = (workspace.root + "/first", workspace.root + "/second")
        let series = try await PatchSeries(repository, dep3: dep3)
        try SeriesFolder(first).write(series)
        let count = try await SeriesImport(repository, folder: SeriesFolder(first), branch: "fork/again").run()
        #expect(count == 8)
        #expect(try await repository.requireBranch() == "fork/again")
        try await SeriesFolder(second).write(PatchSeries(repository, dep3: dep3))
        #expect(try contents(first) == contents(second))
        #expect(try SeriesFolder(first).differences(from: series) == [])
        let trees = try await workspace.fork.read(["rev-parse", "fork/main^{tree}", "fork/again^{tree}"]).lines
        #expect(Set(trees).count == 1)
        let messages = try await [("fork/main"), ("fork/again")].asyncMap {
            try await workspace.fork.read(["log", "--format=%B%an%ae%aI", "v0.1.0..\($0)"]).text
        }
        #expect(messages[0] == messages[1])
    }

    @Test("patches are named after their subjects, in the order that the file series says")
    func names() async throws {
        let workspace = try await workspace()
        let series = try await PatchSeries(workspace.repository(), dep3: false)
        #expect(series.patches.dropFirst() == [
            "fork-re-patch-x-core-a-l-ng-subject-that-goes-on-and-on.patch", "notes-one.patch", "fork-binary.patch",
            "fork-binary-2.patch", "fork-empty.patch", "fork-mode-no-end-of-line.patch", "fork.patch",
        ])
        let base = try await workspace.repository().fork().header.base
        let order = String(decoding: series.files["series"] ?? [], as: UTF8.self)
        #expect(order == "# base \(base)\n" + series.patches.joined(separator: "\n") + "\n")
        let cover = String(decoding: series.files["COVER.md"] ?? [], as: UTF8.self)
        #expect(cover.contains("| one | build | Pending [a second look] | 5 | "))
    }

    @Test(
        "DEP-3 fields follow from the status",
        arguments: [
            ("Pending [x]", "Origin: vendor\nForwarded: no\n"),
            ("Submitted [https://example.org/1]", "Origin: vendor\nForwarded: https://example.org/1\n"),
            ("Inappropriate [ours]", "Origin: vendor\nForwarded: not-needed\n"),
            ("Denied [https://example.org/1: slow]", "Origin: vendor\nForwarded: https://example.org/1\n"),
            ("Backport [0.5.0]", "Origin: backport\nApplied-Upstream: 0.5.0\n"),
            ("Backport [0123abcd]", "Origin: backport, commit:0123abcd\nApplied-Upstream: commit:0123abcd\n"),
        ])
    func dep3(_ status: String, _ fields: String) async throws {
        let workspace = try await ForkWorkspace()
        try await workspace.change("mine", "FORK: mine", ["mine.txt": "1\n"])
        var entry = try ForkWorkspace.entry("mine")
        entry.status = try UpstreamStatus(status)
        try await workspace.note(entry)
        let series = try await PatchSeries(workspace.repository(), dep3: true)
        let patch = String(decoding: series.files["fork-mine.patch"] ?? [], as: UTF8.self)
        #expect(patch.contains("\nSubject: FORK: mine\n\(fields)Last-Update: 2026-11-01\n\nUpstream-Status: "))
    }

    @Test("a folder with other files is not written to, an older export is replaced")
    func folders() async throws {
        let workspace = try await ForkWorkspace()
        try await workspace.change("mine", "FORK: mine", ["mine.txt": "1\n"])
        let path = workspace.root + "/out"
        try await SeriesFolder(path).write(PatchSeries(workspace.repository(), dep3: false))
        try await workspace.fork.change(["commit", "--quiet", "--amend", "--message", "FORK: renamed"])
        try await SeriesFolder(path).write(PatchSeries(workspace.repository(), dep3: false))
        let names = try contents(path).keys.sorted()
        #expect(names.count == 4)
        #expect(names.contains("fork-renamed.patch"))
        try Data().write(to: URL(filePath: path + "/mine.txt"))
        let series = try await PatchSeries(workspace.repository(), dep3: false)
        let error = #expect(throws: ForkError.self) { try SeriesFolder(path).write(series) }
        #expect(
            error.map { workspace.plain($0.description) } == """
                ROOT/out holds what no export wrote: mine.txt
                    fix: name a folder that is empty, or that does not exist
                """)
    }

    @Test("commits that no patch can hold are refused, all at once")
    func refused() async throws {
        let workspace = try await ForkWorkspace()
        try await workspace.change("mine", "FORK: mine", ["mine.txt": "1\n"], body: "above\n---\nbelow")
        try await workspace.fork.change(["switch", "--quiet", "--create", "side", "HEAD~1"])
        try await workspace.change("mine", "FORK: side", ["side.txt": "1\n"])
        try await workspace.fork.change(["switch", "--quiet", "fork/main"])
        try await workspace.fork.change(["merge", "--quiet", "--message", "merge side", "side"])
        let repository = try await workspace.repository()
        let error = await #expect(throws: ForkError.self) { try await PatchSeries(repository, dep3: false) }
        #expect(
            error.map { workspace.plain($0.description) } == """
                HASH: the line '---' of its message would end the message in a patch
                    fix: git rebase --interactive HASH, and reword the commit
                HASH: a merge cannot be exported: 'merge side'
                    fix: git rebase HASH, which makes the series linear
                """)
    }

    @Test("a series that does not apply leaves everything as it was")
    func conflict() async throws {
        let workspace = try await ForkWorkspace()
        try await workspace.change("mine", "FORK: mine", ["mine.txt": "1\n"])
        try await workspace.change("mine", "FORK: more", ["mine.txt": "1\n2\n"])
        let path = workspace.root + "/out"
        try await SeriesFolder(path).write(PatchSeries(workspace.repository(), dep3: false))
        let patch = URL(filePath: path + "/fork-more.patch")
        let text = try String(contentsOf: patch, encoding: .utf8)
        try Data(text.replacing("\n 1\n", with: "\n 7\n").utf8).write(to: patch)
        let repository = try await workspace.repository()
        let head = try await repository.commit("HEAD")
        let error = await #expect(throws: ForkError.self) {
            try await SeriesImport(repository, folder: SeriesFolder(path), branch: "fork/again").run()
        }
        #expect(error?.description.contains("/fork-more.patch: error: ") == true)
        #expect(try await repository.commit("HEAD") == head)
        #expect(try await repository.branch() == "fork/main")
        #expect(try await repository.commit("refs/heads/fork/again") == nil)
        #expect(try await repository.changedPaths(untracked: true) == [])
    }

    @Test("an import is refused where its folder, base or branch is wrong")
    func wrongInput() async throws {
        let workspace = try await ForkWorkspace()
        let path = workspace.root + "/out"
        func refusal(branch: String = "fork/again") async throws -> String? {
            let repository = try await workspace.repository()
            let error = await #expect(throws: ForkError.self) {
                try await SeriesImport(repository, folder: SeriesFolder(path), branch: branch).run()
            }
            return error.map { workspace.plain($0.description) }
        }
        #expect(
            try await refusal() == """
                ROOT/out holds no exported series: there is no file 'series'
                    fix: forktail fork export DIR
                """)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data("a.patch\n".utf8).write(to: URL(filePath: path + "/series"))
        try Data().write(to: URL(filePath: path + "/b.patch"))
        #expect(
            try await refusal() == """
                ROOT/out/series: found 0 lines '# base', expected one with 40 hexadecimal digits
                ROOT/out/series: names a.patch, which does not exist
                ROOT/out/series: does not name b.patch, which exists
                    fix: put it in its place
                """)
        try FileManager.default.removeItem(atPath: path)
        try await SeriesFolder(path).write(PatchSeries(workspace.repository(), dep3: false))
        #expect(
            try await refusal(branch: "fork/main") == """
                the branch 'fork/main' exists already
                    fix: forktail fork import ROOT/out --branch NAME
                """)
        #expect(try await refusal(branch: "a..b")?.hasPrefix("--branch: found 'a..b'") == true)
    }
}

extension Sequence {
    fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
