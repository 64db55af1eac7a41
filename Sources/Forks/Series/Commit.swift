/// One commit of a fork.
package struct Commit: Sendable, Hashable {
    /// 40 hexadecimal digits.
    package let hash: String
    package let parents: [String]
    /// The day it was written, YYYY-MM-DD.
    package let day: String
    /// `Name <address>`.
    package let author: String
    package let subject: String
    /// The message below the subject, trailers included.
    package let body: String
    /// The values of its `Upstream-Status` trailers.
    package let statuses: [String]
    /// The values of its `Fork-Change` trailers.
    package let slugs: [String]
    /// What it does to each file, by path; a rename is one file less and one more. Empty for a merge.
    package let files: [FileChange]

    /// Lines added to and taken from one file.
    package struct FileChange: Sendable, Hashable {
        package let path: String
        package let added: Int
        package let removed: Int
    }

    /// The first 8 digits of the hash, which is how people say it.
    package var shortHash: String { String(hash.prefix(8)) }

    package var isMerge: Bool { parents.count > 1 }

    /// Whether it touches UPSTREAM.md and nothing else; such a commit needs no tag and no trailers.
    package var isNotesOnly: Bool { files.map(\.path) == [UpstreamFile.name] }

    /// The tags that the subject begins with: `BACKPORT: FROMPR: ...` has two.
    package var tags: [SubjectTag] {
        var tags: [SubjectTag] = []
        var rest = subject[...]
        while let match = rest.prefixMatch(of: /([A-Z]+): */), let tag = SubjectTag(rawValue: String(match.1)) {
            tags.append(tag)
            rest = rest[match.range.upperBound...]
        }
        return tags
    }

    /// The subject without its tags.
    package var untaggedSubject: String {
        var rest = subject[...]
        while let match = rest.prefixMatch(of: /([A-Z]+): */),
            SubjectTag(rawValue: String(match.1)) != nil || match.1 == SubjectTag.notes
        {
            rest = rest[match.range.upperBound...]
        }
        return String(rest)
    }

    /// The change it belongs to; nil when its trailers name none or several.
    package var slug: String? { slugs.count == 1 ? slugs[0] : nil }

    /// The commit of upstream that it says it was picked from (`git cherry-pick -x`), the last one said.
    package var pickedFrom: String? {
        body.matches(of: /\(cherry picked from commit ([0-9a-f]{40})[^)]*\)/).last.map { String($0.1) }
    }
}
