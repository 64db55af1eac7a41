import Foundation

/// Makes a branch of an exported series.
package struct SeriesImport: Sendable {
    let repository: ForkRepository
    let folder: SeriesFolder
    let branch: String

    package init(_ repository: ForkRepository, folder: SeriesFolder, branch: String) {
        (self.repository, self.folder, self.branch) = (repository, folder, branch)
    }

    /// Applies the patches on their base, in a branch that is checked out afterwards.
    /// - Returns: how many there are.
    /// - Throws: `ForkError` when a patch does not apply; the branch from before is back then.
    package func run() async throws -> Int {
        let git = repository.git
        let (base, patches) = try folder.read()
        try await repository.requireClean()
        let before = try await repository.requireBranch()
        guard try await repository.commit(base) != nil else {
            throw ForkError(
                "", "the series stands on \(base.prefix(8)), which does not exist here",
                fix: "git fetch --tags \(ForkRepository.remote)")
        }
        guard try await git.run(["check-ref-format", "--branch", branch]).status == 0 else {
            throw ForkError("--branch", "found '\(branch)', expected a name for a branch", fix: "--branch fork/main")
        }
        guard try await repository.commit("refs/heads/\(branch)") == nil else {
            throw ForkError(
                "", "the branch '\(branch)' exists already",
                fix: "forktail fork import \(ShellWord.quoted(folder.path)) --branch NAME")
        }
        try await git.change(["switch", "--quiet", "--create", branch, base])
        guard !patches.isEmpty else { return 0 }
        let applied = try await git.run(
            ["am", "--quiet", "--3way", "--keep", "--keep-cr", "--empty=keep", "--whitespace=nowarn",
                "--patch-format=mboxrd", "--no-scissors", "--"] + patches.map { URL(filePath: $0).path },
            changes: true)
        guard applied.status == 0 else {
            let current = try await git.run(["rev-list", "--count", "\(base)..HEAD"])
            try await git.change(["am", "--abort"])
            try await git.change(["switch", "--quiet", before])
            try await git.change(["branch", "--quiet", "-D", branch])
            let place = Int(current.text) ?? 0
            let said = applied.errors.split(separator: "\n").first { $0.hasPrefix("error:") } ?? "it does not apply"
            throw ForkError(
                place < patches.count ? patches[place] : folder.path, "\(said)",
                fix: "export it again, or mend the patch; branch '\(before)' is as it was")
        }
        return patches.count
    }
}
