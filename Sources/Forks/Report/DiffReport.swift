/// What the fork differs in from its base, or what one change of it touches.
package struct DiffReport: Sendable, Encodable {
    package let base: String
    package let slug: String?
    /// The parts of the tree that differ, plugins first.
    package let areas: [Area]

    /// What differs in one part of the tree.
    package struct Area: Sendable, Encodable {
        package let area: TreeArea
        package let files: [File]
        /// The difference as git prints it, or its table.
        package let text: String
    }

    /// One file that differs.
    package struct File: Sendable, Hashable, Encodable {
        package let path: String
        package let added: Int
        package let removed: Int
    }

    /// Compares HEAD with the base. UPSTREAM.md and an exported series are left out.
    /// - Parameters:
    ///   - slug: only the files that this change's commits touch.
    ///   - table: a table of files in place of the difference itself.
    /// - Throws: `ForkError` when there is no such change, naming those there are.
    package init(_ repository: ForkRepository, slug: String?, table: Bool) async throws {
        let (file, header) = try repository.fork()
        try await repository.requireBase(header)
        (base, self.slug) = (header.base, slug)
        var wanted: Set<String>?
        if let slug {
            wanted = Set(try await repository.series(header).change(slug, file).paths)
        }
        let range = "\(header.base)...HEAD"
        let numbers = try await repository.git.read(["diff", "-z", "--numstat", "--no-renames", range, "--"])
        var files: [TreeArea: [File]] = [:]
        for field in numbers.fields {
            let parts = field.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let path = String(parts[2])
            guard path != UpstreamFile.name, !path.hasPrefix(PatchSeries.folder), wanted?.contains(path) != false else {
                continue
            }
            files[TreeArea(path), default: []].append(
                File(path: path, added: Int(parts[0]) ?? 0, removed: Int(parts[1]) ?? 0))
        }
        var areas: [Area] = []
        for area in TreeArea.allCases {
            guard let files = files[area] else { continue }
            let form = table ? ["--stat"] : []
            let text = try await repository.git.read(
                ["--literal-pathspecs", "diff", "--no-ext-diff"] + form + [range, "--"] + files.map(\.path))
            areas.append(Area(area: area, files: files, text: text.text))
        }
        self.areas = areas
    }
}

extension Series {
    /// One change by its name.
    /// - Throws: `ForkError` when there is none, with the nearest name.
    package func change(_ slug: String, _ file: UpstreamFile) throws(ForkError) -> Change {
        let changes = changes(file)
        if let change = changes.first(where: { $0.slug == slug }) { return change }
        let slugs = changes.map(\.slug)
        let near = Spelling.nearest(slug, in: slugs).map { "did you mean '\($0)'?" }
        throw ForkError(
            "", "no change '\(slug)'; \(near ?? (slugs.isEmpty ? "there are none" : "there are \(slugs.joined(separator: ", "))"))",
            fix: "forktail fork log")
    }
}
