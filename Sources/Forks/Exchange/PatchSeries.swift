/// A fork's commits as files: patches named after their subjects, `series` with their order, and a table of the changes.
///
/// The same commits give the same bytes, whoever exports them: no hash, no committer and no version of git is in them.
package struct PatchSeries: Sendable, Hashable {
    /// Where a fork that keeps its series in the repository has it. Commits of these files alone are no part of the series.
    package static let folder = "patches/"
    static let order = "series"
    static let cover = "COVER.md"

    /// The contents of each file, by name.
    package let files: [String: [UInt8]]
    /// The names of the patches, in their order.
    package let patches: [String]

    /// Makes the series of HEAD.
    /// - Parameter dep3: adds Debian's patch headers (DEP-3) from UPSTREAM.md.
    /// - Throws: `ForkError` for commits that no patch can hold.
    package init(_ repository: ForkRepository, dep3: Bool) async throws {
        let (file, header) = try repository.fork()
        try await repository.requireBase(header)
        let series = try await repository.series(header)
        try PatchSeries.check(series)
        var files: [String: [UInt8]] = [:]
        var patches: [String] = []
        for commit in series.commits where !commit.isSeriesOnly {
            var bytes = try await PatchSeries.patch(repository.git, commit)
            if dep3, let slug = commit.slug, let entry = file[slug] { bytes = DEP3(entry).inserted(in: bytes) }
            let name = PatchSeries.name(of: commit) { files["\($0).patch"] == nil } + ".patch"
            files[name] = bytes
            patches.append(name)
        }
        let order = ["# base \(header.base)"] + patches
        files[PatchSeries.order] = Array((order.joined(separator: "\n") + "\n").utf8)
        files[PatchSeries.cover] = Array(PatchSeries.coverText(series, file, header, patches).utf8)
        (self.files, self.patches) = (files, patches)
    }

    /// One commit in the form of a mail, which `git am` reads back to the same message and the same files.
    private static func patch(_ git: Git, _ commit: Commit) async throws -> [UInt8] {
        try await git.read(
            ["format-patch", "--stdout", "-1", "--zero-commit", "--no-signature", "--full-index", "--no-stat",
                "--keep-subject", "--pretty=mboxrd", "--always", "--no-to", "--no-cc", "--no-add-header", "--no-attach",
                "--no-thread", "--no-cover-letter", "--no-base", "--no-notes", "--no-from", "--no-ext-diff", commit.hash]
        ).bytes
    }

    /// What a patch cannot hold is refused before anything is written.
    private static func check(_ series: Series) throws(ForkError) {
        var problems: [ForkProblem] = []
        for commit in series.commits {
            if commit.isMerge {
                problems.append(
                    ForkProblem(
                        commit.shortHash, "a merge cannot be exported: '\(commit.subject)'",
                        fix: "git rebase \(series.base.prefix(8)), which makes the series linear"))
            }
            // These lines end the message where a patch is read.
            let ending = commit.body.split(separator: "\n").first {
                $0.wholeMatch(of: /---(?:\s.*)?|diff -.*|Index: .*/) != nil
            }
            if let ending {
                problems.append(
                    ForkProblem(
                        commit.shortHash, "the line '\(ending)' of its message would end the message in a patch",
                        fix: "git rebase --interactive \(series.base.prefix(8)), and reword the commit"))
            }
        }
        guard problems.isEmpty else { throw ForkError(problems) }
    }

    /// A file's name from the subject, as short as a name should be.
    private static func name(of commit: Commit, isFree: (String) -> Bool) -> String {
        let words = UpstreamFile.slug(from: commit.subject) ?? "commit"
        var short = ""
        for word in words.split(separator: "-") {
            guard short.isEmpty || short.count + word.count < 60 else { break }
            short += (short.isEmpty ? "" : "-") + word
        }
        let stem = String(short.prefix(80))
        if isFree(stem) { return stem }
        var number = 2
        while !isFree("\(stem)-\(number)") { number += 1 }
        return "\(stem)-\(number)"
    }

    private static func coverText(
        _ series: Series, _ file: UpstreamFile, _ header: UpstreamHeader, _ patches: [String]
    ) -> String {
        let cell = { (text: String) in text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|") }
        let rows = series.changes(file).map { change in
            "| \(change.slug) | \(change.entry?.kind.rawValue ?? "") | \(cell(change.entry?.status.description ?? "")) "
                + "| \(change.commits.count) | \(change.lineCount) | \(cell(change.entry?.summary ?? "")) |\n"
        }
        return """
            # Changes of \(header.upstream)

            Base: \((header.baseTag.map { "\($0) " } ?? "") + header.base). Patches, in the order of `\(order)`: \(patches.count). \
            They come back with `forktail fork import`.

            | change | kind | upstream status | commits | lines | summary |
            |---|---|---|---|---|---|

            """ + rows.joined()
    }
}

extension Commit {
    /// Whether it touches nothing but the exported series of its repository.
    package var isSeriesOnly: Bool { !files.isEmpty && files.allSatisfy { $0.path.hasPrefix(PatchSeries.folder) } }
}
