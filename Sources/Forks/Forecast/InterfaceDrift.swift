/// The modules that plugins are compiled against, where a sync changes them: plugins that are built outside have to be built
/// again.
package struct InterfaceDrift: Sendable, Hashable {
    /// The files that differ, sorted.
    package let files: [String]
    /// The fork's own plugins.
    package let plugins: [String]

    package init(files: [String], plugins: [String]) { (self.files, self.plugins) = (files, plugins) }

    /// The modules of the files.
    package var modules: [String] {
        Set(files.compactMap { $0.split(separator: "/").dropFirst().first.map(String.init) }).sorted()
    }

    /// The source that names the modules of the fingerprint.
    package static let list = "Sources/InterfaceFingerprint/InterfaceFingerprint.swift"
    /// The files that count, as there.
    private static let suffixes = [".swift", ".c", ".h", ".modulemap"]

    /// What differs in the interface between two commits; nil when the fingerprint stays.
    static func find(_ old: TreeListing, _ new: TreeListing, plugins: [String]) async throws -> InterfaceDrift? {
        let lists = [try await old.texts([list]), try await new.texts([list])].compactMap { $0[list] }
        let modules = Set(lists.flatMap { InterfaceDrift.modules(in: $0) })
        let isPart = { (path: String) in
            let parts = path.split(separator: "/")
            return parts.count > 2 && parts[0] == "Sources" && modules.contains(String(parts[1]))
                && suffixes.contains { path.hasSuffix($0) }
        }
        let paths = Set(old.files.keys).union(new.files.keys).filter(isPart)
        let files = paths.filter { old.files[$0] != new.files[$0] }.sorted()
        return files.isEmpty ? nil : InterfaceDrift(files: files, plugins: plugins)
    }

    /// The modules that the fingerprint is over, as its source says: `static let modules = ["A", ...]`.
    package static func modules(in source: String) -> [String] {
        guard let match = source.firstMatch(of: /static let modules = \[([^\]]*)\]/) else { return [] }
        return match.1.matches(of: /"([^"]+)"/).map { String($0.1) }
    }
}
