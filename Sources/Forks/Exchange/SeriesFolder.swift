import Foundation

/// A folder that holds an exported series.
package struct SeriesFolder: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    private func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a series in place of the one that is there.
    /// - Throws: `ForkError` when the folder holds anything else.
    package func write(_ series: PatchSeries) throws {
        let old = try contents()
        let strangers = old.filter { !SeriesFolder.isOurs($0) }
        guard strangers.isEmpty, old.isEmpty || old.contains(PatchSeries.order) else {
            throw ForkError(
                "", "\(path) holds what no export wrote: \((strangers.first ?? old.first) ?? "")",
                fix: "name a folder that is empty, or that does not exist")
        }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for name in old where series.files[name] == nil { try FileManager.default.removeItem(atPath: file(name)) }
        for (name, bytes) in series.files.sorted(by: { $0.key < $1.key }) {
            try Data(bytes).write(to: URL(filePath: file(name)), options: .atomic)
        }
    }

    /// How the folder differs from a series: a sentence for each file. Empty when it is the same to the last byte.
    package func differences(from series: PatchSeries) throws -> [String] {
        let old = Set(try contents())
        return old.union(series.files.keys).sorted().compactMap { name in
            guard let bytes = series.files[name] else { return "\(name) is not in the export" }
            guard old.contains(name) else { return "\(name) is missing" }
            return FileManager.default.contents(atPath: file(name)).map { Array($0) } == bytes ? nil : "\(name) differs"
        }
    }

    /// The base and the patches in their order, as paths.
    /// - Throws: `ForkError` when there is no series, or a patch is missing.
    package func read() throws -> (base: String, patches: [String]) {
        guard let data = FileManager.default.contents(atPath: file(PatchSeries.order)) else {
            throw ForkError(
                "", "\(path) holds no exported series: there is no file '\(PatchSeries.order)'",
                fix: "forktail fork export DIR")
        }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").map { String($0).trimmed() }
        let bases = lines.compactMap { $0.wholeMatch(of: /# base ([0-9a-f]{40})/).map { String($0.1) } }
        let names = lines.filter { !$0.hasPrefix("#") && !$0.isEmpty }
        var problems: [ForkProblem] = []
        if bases.count != 1 {
            problems.append(
                ForkProblem(
                    file(PatchSeries.order),
                    "found \(bases.count) lines '# base', expected one with 40 hexadecimal digits"))
        }
        let there = Set(try contents())
        for name in names where !there.contains(name) {
            problems.append(ForkProblem(file(PatchSeries.order), "names \(name), which does not exist"))
        }
        for name in there.subtracting(names).sorted() where name.hasSuffix(".patch") {
            problems.append(
                ForkProblem(
                    file(PatchSeries.order), "does not name \(name), which exists", fix: "put it in its place"))
        }
        guard problems.isEmpty, let base = bases.first else { throw ForkError(problems) }
        return (base, names.map(file))
    }

    private func contents() throws -> [String] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    private static func isOurs(_ name: String) -> Bool {
        name == PatchSeries.order || name == PatchSeries.cover || name.hasSuffix(".patch")
    }
}
