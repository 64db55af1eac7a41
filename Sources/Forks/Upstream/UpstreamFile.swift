/// UPSTREAM.md: where a fork comes from and what it changes, readable by people.
///
/// Printing what was read gives the same text again once it has the form that printing gives it: fields in their order,
/// entries sorted by slug, prose as it is.
package struct UpstreamFile: Sendable, Hashable {
    /// The file's name at the root of the repository.
    package static let name = "UPSTREAM.md"

    /// nil in upstream itself, whose file says `Upstream: none`.
    package var header: UpstreamHeader?
    /// What is written below the header's fields, as it is.
    package var prose: String
    /// The fork's changes, sorted by slug.
    package private(set) var entries: [UpstreamEntry]

    package init(header: UpstreamHeader?, prose: String = "", entries: [UpstreamEntry] = []) {
        self.header = header
        self.prose = prose
        self.entries = entries.sorted { $0.slug < $1.slug }
    }

    /// The entry of a change; setting one replaces it or puts it in its place, nil takes it out.
    package subscript(slug: String) -> UpstreamEntry? {
        get { entries.first { $0.slug == slug } }
        set {
            entries.removeAll { $0.slug == slug }
            if let newValue { entries.append(newValue) }
            entries.sort { $0.slug < $1.slug }
        }
    }

    /// The file's text.
    package var text: String {
        let head = header?.fields ?? [("Upstream", "none")]
        let parts = [UpstreamFile.section("# Upstream", head, prose)]
            + entries.map { UpstreamFile.section("## \($0.slug)", $0.fields, $0.prose) }
        return parts.joined(separator: "\n")
    }

    private static func section(_ title: String, _ fields: [(key: String, value: String)], _ prose: String) -> String {
        title + "\n" + fields.map { "\($0.key): \($0.value)\n" }.joined() + (prose.isEmpty ? "" : "\n\(prose)\n")
    }
}
