/// Debian's patch headers for a change ("DEP-3: Patch Tagging Guidelines", https://dep-team.pages.debian.net/deps/dep3/).
///
/// The subject and the author stand in the patch already; these are the fields that only UPSTREAM.md knows.
struct DEP3 {
    let fields: [(key: String, value: String)]

    init(_ entry: UpstreamEntry) {
        var fields: [(key: String, value: String)] = []
        let detail = entry.status.detail
        switch entry.status.word {
        case .pending: fields = [("Origin", entry.origin ?? "vendor"), ("Forwarded", "no")]
        case .submitted: fields = [("Origin", entry.origin ?? "vendor"), ("Forwarded", detail)]
        case .inappropriate: fields = [("Origin", entry.origin ?? "vendor"), ("Forwarded", "not-needed")]
        case .denied:
            // The address and ": " before the reason.
            let address = detail.prefix { !$0.isWhitespace }.dropLast()
            fields = [("Origin", entry.origin ?? "vendor"), ("Forwarded", String(address))]
        case .backport:
            let isCommit = detail.wholeMatch(of: /[0-9a-f]{7,40}/) != nil
            let what = isCommit ? "commit:\(detail)" : detail
            fields = [("Origin", entry.origin ?? (isCommit ? "backport, \(what)" : "backport")), ("Applied-Upstream", what)]
        }
        fields.append(("Last-Update", entry.lastUpdate))
        self.fields = fields
    }

    /// A patch with the fields below its subject. `git am` passes over them.
    func inserted(in patch: [UInt8]) -> [UInt8] {
        let newline = UInt8(ascii: "\n")
        // The first empty line ends the header.
        guard let end = patch.indices.first(where: { patch[$0] == newline && $0 > 0 && patch[$0 - 1] == newline }) else {
            return patch
        }
        let lines = fields.map { "\($0.key): \($0.value)\n" }.joined()
        return Array(patch[..<end]) + Array(lines.utf8) + Array(patch[end...])
    }
}
