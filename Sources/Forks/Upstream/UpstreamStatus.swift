/// Where a change stands with upstream: one word and the reason in brackets.
package struct UpstreamStatus: Sendable, Hashable, CustomStringConvertible {
    package let word: Word
    /// What stands in brackets; never empty.
    package let detail: String

    /// The words, and no others.
    package enum Word: String, Sendable, Hashable, CaseIterable {
        /// Not sent yet; in brackets, what it waits for.
        case pending = "Pending"
        /// Sent; in brackets, the address.
        case submitted = "Submitted"
        /// Upstream has it; in brackets, the version or the commit.
        case backport = "Backport"
        /// Refused; in brackets, the address and the reason.
        case denied = "Denied"
        /// Never to be sent; in brackets, the reason.
        case inappropriate = "Inappropriate"

        /// What stands in brackets.
        var form: String {
            switch self {
            case .pending: "[what it waits for]"
            case .submitted: "[https://...]"
            case .backport: "[version or commit]"
            case .denied: "[https://...: reason]"
            case .inappropriate: "[reason]"
            }
        }
    }

    /// A text that is no status.
    package struct Malformed: Error, Sendable, Hashable {
        /// What was found and what was expected.
        package let message: String
        /// The same meant rightly written, where it can be told.
        package let corrected: String?
    }

    package init(_ word: Word, _ detail: String) {
        self.word = word
        self.detail = detail
    }

    /// Reads `Word [detail]`.
    /// - Throws: `Malformed`, with the corrected text where one can be told.
    package init(_ text: String) throws(Malformed) {
        guard let match = text.wholeMatch(of: /([A-Za-z]+) \[([^\[\]]*[^\[\]\s][^\[\]]*)\]/),
            let word = Word(rawValue: String(match.1)), !match.2.hasPrefix(" "), !match.2.hasSuffix(" ")
        else { throw UpstreamStatus.nearMiss(text) }
        let detail = String(match.2)
        let address = /[a-z][a-z0-9+.\-]*:\/\/[^\s]+/
        switch word {
        case .submitted where detail.wholeMatch(of: address) == nil:
            throw Malformed(
                message: "found '\(text)', expected the address it was sent to: Submitted [https://...]", corrected: nil)
        case .denied where detail.wholeMatch(of: /[a-z][a-z0-9+.\-]*:\/\/[^\s]+: .+/) == nil:
            throw Malformed(
                message: "found '\(text)', expected the address and the reason: Denied [https://...: reason]", corrected: nil)
        default: self.init(word, detail)
        }
    }

    /// What was probably meant: the word in another spelling, other brackets or none.
    private static func nearMiss(_ text: String) -> Malformed {
        let forms = "one of " + Word.allCases.map { "\($0.rawValue) \($0.form)" }.joined(separator: ", ")
        guard let loose = text.firstMatch(of: /^[\s:]*([A-Za-z]+)[\s:,\-]*(.*)$/),
            let word = Spelling.nearest(String(loose.1), in: Word.allCases.map(\.rawValue)).flatMap(Word.init(rawValue:))
        else { return Malformed(message: "found '\(text)', expected \(forms)", corrected: nil) }
        let brackets: Set<Character> = ["[", "]", "(", ")", "{", "}", "<", ">", " ", "\t"]
        let inner = String(loose.2).trimmed { brackets.contains($0) }
        guard !inner.isEmpty, !inner.contains(where: { $0 == "[" || $0 == "]" }) else {
            return Malformed(
                message: "found '\(text)', expected \(word.rawValue) \(word.form)", corrected: "\(word.rawValue) \(word.form)")
        }
        return Malformed(
            message: "found '\(text)', expected \(word.rawValue) \(word.form)", corrected: "\(word.rawValue) [\(inner)]")
    }

    package var description: String { "\(word.rawValue) [\(detail)]" }
}
