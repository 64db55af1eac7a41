/// What a fork costs to carry, in numbers: the line to watch over the months.
package struct StatsReport: Sendable, Hashable, Encodable {
    package let day: String
    package let base: String
    package let changes: Int
    package let commits: Int
    /// Lines added and removed, of all changes.
    package let lines: Int
    /// Those in upstream's own sources (`Sources`).
    package let coreLines: Int
    package let corePatches: Int
    package let maxCorePatches: Int
    /// Days since the first commit of a change, the middle one of all changes.
    package let medianAgeDays: Int
    /// Changes by status word.
    package let byStatus: [String: Int]
    /// Changes by kind.
    package let byKind: [String: Int]

    /// - Throws: `ForkError` when UPSTREAM.md or the base is not there.
    package init(_ repository: ForkRepository, today: Day) async throws {
        let (file, header) = try repository.fork()
        try await repository.requireBase(header)
        let found = try await repository.series(header).changes(file)
        let files = found.flatMap(\.commits).flatMap(\.files)
        let ages = found.compactMap { $0.commits.compactMap { Day($0.day) }.min() }.map { today - $0 }.sorted()
        (day, base, maxCorePatches) = (today.description, header.base, header.maxCorePatches)
        changes = found.count
        commits = found.reduce(0) { $0 + $1.commits.count }
        lines = files.reduce(0) { $0 + $1.added + $1.removed }
        coreLines = files.filter { TreeArea($0.path) == .core }.reduce(0) { $0 + $1.added + $1.removed }
        corePatches = found.filter { $0.entry?.kind == .corePatch }.count
        medianAgeDays = ages.isEmpty ? 0 : (ages[(ages.count - 1) / 2] + ages[ages.count / 2]) / 2
        byStatus = Dictionary(found.compactMap { $0.entry?.status.word.rawValue }.map { ($0, 1) }, uniquingKeysWith: +)
        byKind = Dictionary(found.compactMap { $0.entry?.kind.rawValue }.map { ($0, 1) }, uniquingKeysWith: +)
    }
}
