/// Runs the commands that verify the fork's changes.
package struct Verification: Sendable {
    private let repository: ForkRepository

    package init(_ repository: ForkRepository) { self.repository = repository }

    /// Runs the command of one change, or of every change, in the work tree.
    package func run(_ slug: String?) async throws -> [ChangeProof] {
        let (file, header) = try repository.fork()
        if let slug { try await repository.requireChange(slug, header) }
        var proofs: [ChangeProof] = []
        for entry in file.entries where slug == nil || entry.slug == slug {
            proofs.append(try await ChangeProof.run(entry.slug, entry, in: repository.root))
        }
        return proofs
    }

    /// Runs the command of one change, or of every change, with the change and without it, in temporary clones.
    ///
    /// Without the change its tests stay: a command that finds no test would fail, or pass, for that reason alone.
    package func prove(_ slug: String?) async throws -> [ChangeTrial] {
        try await repository.requireClean()
        let (file, header) = try repository.fork()
        try await repository.requireBase(header)
        if let slug { try await repository.requireChange(slug, header) }
        var trials: [ChangeTrial] = []
        for entry in file.entries where slug == nil || entry.slug == slug {
            let verdict = try await verdict(entry, header)
            trials.append(ChangeTrial(slug: entry.slug, command: entry.verify, verdict: verdict))
        }
        return trials
    }

    private func verdict(_ entry: UpstreamEntry, _ header: UpstreamHeader) async throws -> ChangeTrial.Verdict {
        guard entry.verify != nil else { return .noCommand }
        let base = NamedCommit(name: header.baseTag, commit: header.base)
        let request = try await ReplayRequest.read(repository, header, target: base, dropped: entry.slug)
        return try await ScratchClone.with(repository.git, at: header.base) { scratch in
            let replay = Replay(git: scratch, request: request)
            var rows: [ReplayedCommit] = []
            while rows.count < request.steps.count {
                let row = try await replay.next(after: rows)
                if row.fate == .conflict { return .entangled(row) }
                rows.append(row)
            }
            let without = try await scratch.read(["rev-parse", "HEAD"]).text
            try await scratch.change(["checkout", "-q", "--detach", request.tip])
            let present = try await ChangeProof.run(entry.slug, entry, in: scratch.directory)
            guard present.isFine else { return .fails(present.tail) }
            try await scratch.change(["checkout", "-q", "--force", "--detach", without])
            let tests = try await tests(of: entry.slug, request)
            if !tests.isEmpty {
                try await scratch.change(["--literal-pathspecs", "checkout", "-q", request.tip, "--"] + tests)
            }
            let absent = try await ChangeProof.run(entry.slug, entry, in: scratch.directory)
            return absent.isFine ? .passesWithout : .proven(absent.tail)
        }
    }

    /// The tests that the change's commits touch and that are there at the tip.
    private func tests(of slug: String, _ request: ReplayRequest) async throws -> [String] {
        let series = try await Series.read(repository.git, from: request.base.commit, to: request.tip)
        let touched = Set(series.commits.filter { $0.slug == slug }.flatMap { $0.files.map(\.path) })
        let present = Set(try await TreeListing(repository.git, request.tip).files.keys)
        return touched.intersection(present).filter { $0.split(separator: "/").dropLast().contains("Tests") }.sorted()
    }
}
