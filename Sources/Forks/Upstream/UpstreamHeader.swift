/// The top of UPSTREAM.md: what a fork is a fork of.
package struct UpstreamHeader: Sendable, Hashable {
    /// The address that upstream is fetched from.
    package var upstream: String
    /// Upstream's branch that the fork follows.
    package var tracking: String
    /// The tag of the base, where it has one.
    package var baseTag: String?
    /// The commit of upstream that the fork's changes stand on, 40 hexadecimal digits.
    package var base: String
    /// The day of the last sync, YYYY-MM-DD.
    package var lastSync: String
    /// How changes follow upstream. There is one way: `rebase`.
    package var strategy = "rebase"
    /// How many changes of upstream's own sources the fork allows itself.
    package var maxCorePatches: Int
    /// The recipe whose losses are compared before and after a sync, where there is one.
    package var proofRecipe: String?

    package init(
        upstream: String, tracking: String, baseTag: String?, base: String, lastSync: String, maxCorePatches: Int = 10,
        proofRecipe: String? = nil
    ) {
        (self.upstream, self.tracking, self.baseTag, self.base) = (upstream, tracking, baseTag, base)
        (self.lastSync, self.maxCorePatches, self.proofRecipe) = (lastSync, maxCorePatches, proofRecipe)
    }
}

extension UpstreamHeader {
    static let keys = [
        "Upstream", "Tracking", "Base", "Last-Sync", "Strategy", "Max-Core-Patches", "Proof-Recipe",
    ]

    init?(_ reader: inout FieldReader) {
        let upstream = reader.text("Upstream", required: true)
        let tracking = reader.text("Tracking", required: true)
        let base = reader.value("Base", required: true, form: "a tag and 40 hexadecimal digits, or the digits alone") {
            text -> (String?, String)? in
            guard let match = text.wholeMatch(of: /(?:([^\s]+) )?([0-9a-f]{40})/) else { return nil }
            return (match.1.map { String($0) }, String(match.2))
        }
        let lastSync = reader.day("Last-Sync", required: true)
        let strategy = reader.value("Strategy", form: "rebase") { $0 == "rebase" ? $0 : nil }
        let limit = reader.value("Max-Core-Patches", form: "a number, 0 or more") { text in
            Int(text).flatMap { $0 >= 0 ? $0 : nil }
        }
        let recipe = reader.text("Proof-Recipe")
        guard let upstream, let tracking, let base, let lastSync else { return nil }
        self.init(
            upstream: upstream, tracking: tracking, baseTag: base.0, base: base.1, lastSync: lastSync,
            maxCorePatches: limit ?? 10, proofRecipe: recipe)
        self.strategy = strategy ?? "rebase"
    }

    /// The lines of the file, in their order.
    var fields: [(key: String, value: String)] {
        let optional = proofRecipe.map { [(key: "Proof-Recipe", value: $0)] } ?? []
        return [
            ("Upstream", upstream), ("Tracking", tracking), ("Base", (baseTag.map { "\($0) " } ?? "") + base),
            ("Last-Sync", lastSync), ("Strategy", strategy), ("Max-Core-Patches", "\(maxCorePatches)"),
        ] + optional
    }
}
