/// One change of a fork as UPSTREAM.md describes it: a `## slug` section.
package struct UpstreamEntry: Sendable, Hashable {
    /// The change's name: lower-case words with hyphens.
    package let slug: String
    /// What the change does, in a line.
    package var summary: String
    package var kind: ChangeKind
    /// Files and folders of the change; a folder stands for everything below it.
    package var touches: [String]
    /// The id of the plugin that it replaces.
    package var replaces: String?
    /// Why no plugin can do it; a core patch needs the reason.
    package var whyNotPlugin: String?
    package var status: UpstreamStatus
    /// Where it comes from, in DEP-3's words: `vendor`, `upstream`, `backport` or `other`, and perhaps an address.
    package var origin: String?
    /// The command that shows the change working.
    package var verify: String?
    /// Whether training's numbers stay the same with it.
    package var numbers: Numbers?
    /// When it can go.
    package var dropWhen: String?
    /// The day of the last word on it, YYYY-MM-DD.
    package var lastUpdate: String
    /// What else is written below the fields, as it is.
    package var prose: String

    /// What a change does to the losses of a run.
    package enum Numbers: String, Sendable, Hashable, CaseIterable {
        /// They are the same to the last digit.
        case identical
        /// They move, as they are meant to.
        case move
    }

    package init(
        slug: String, summary: String, kind: ChangeKind, touches: [String], replaces: String? = nil,
        whyNotPlugin: String? = nil, status: UpstreamStatus, origin: String? = nil, verify: String? = nil,
        numbers: Numbers? = nil, dropWhen: String? = nil, lastUpdate: String, prose: String = ""
    ) {
        (self.slug, self.summary, self.kind, self.touches) = (slug, summary, kind, touches)
        (self.replaces, self.whyNotPlugin, self.status, self.origin) = (replaces, whyNotPlugin, status, origin)
        (self.verify, self.numbers, self.dropWhen) = (verify, numbers, dropWhen)
        (self.lastUpdate, self.prose) = (lastUpdate, prose)
    }

    /// Whether `path` is one of the files that the change says it touches.
    package func covers(_ path: String) -> Bool {
        touches.contains { path == $0 || path.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") }
    }

    /// Whether `text` can be a change's name.
    package static func isSlug(_ text: String) -> Bool { text.wholeMatch(of: /[a-z0-9]+(?:-[a-z0-9]+)*/) != nil }
}

extension UpstreamEntry {
    static let keys = [
        "Summary", "Kind", "Touches", "Replaces", "Why-Not-Plugin", "Upstream-Status", "Origin", "Verify", "Numbers",
        "Drop-When", "Last-Update",
    ]

    init?(slug: String, prose: String, _ reader: inout FieldReader) {
        let summary = reader.text("Summary", required: true)
        let kinds = ChangeKind.allCases.map(\.rawValue)
        let kind = reader.word("Kind", required: true, of: kinds).flatMap(ChangeKind.init(rawValue:))
        let touches = reader.value("Touches", required: true, form: "files and folders, with ', ' between them") { text in
            let paths = text.split(separator: ",", omittingEmptySubsequences: false).map { String($0).trimmed() }
            return paths.contains { $0.isEmpty || $0.hasPrefix("/") || $0.hasPrefix("../") } ? nil : paths
        }
        let replaces = reader.text("Replaces")
        let why = reader.text("Why-Not-Plugin")
        let status = reader.status("Upstream-Status")
        let origin = reader.value("Origin", form: "vendor, upstream, backport or other, and perhaps an address after ', '") {
            $0.wholeMatch(of: /(?:vendor|upstream|backport|other)(?:, .+)?/) == nil ? nil : $0
        }
        let verify = reader.text("Verify")
        let numbers = reader.word("Numbers", of: Numbers.allCases.map(\.rawValue)).flatMap(Numbers.init(rawValue:))
        let dropWhen = reader.text("Drop-When")
        let lastUpdate = reader.day("Last-Update", required: true)
        guard let summary, let kind, let touches, let status, let lastUpdate else { return nil }
        self.init(
            slug: slug, summary: summary, kind: kind, touches: touches, replaces: replaces, whyNotPlugin: why,
            status: status, origin: origin, verify: verify, numbers: numbers, dropWhen: dropWhen, lastUpdate: lastUpdate,
            prose: prose)
    }

    /// The lines of the file, in their order.
    var fields: [(key: String, value: String)] {
        let all: [(String, String?)] = [
            ("Summary", summary), ("Kind", kind.rawValue), ("Touches", touches.joined(separator: ", ")),
            ("Replaces", replaces), ("Why-Not-Plugin", whyNotPlugin), ("Upstream-Status", status.description),
            ("Origin", origin), ("Verify", verify), ("Numbers", numbers?.rawValue), ("Drop-When", dropWhen),
            ("Last-Update", lastUpdate),
        ]
        return all.compactMap { key, value in value.map { (key: key, value: $0) } }
    }
}
