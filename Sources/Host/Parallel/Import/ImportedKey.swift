package import JSON

/// What became of one key of another tool's configuration.
package struct ImportedKey: Sendable, Hashable {
    /// Every key is one of these; none is left out silently.
    package enum Outcome: String, Sendable, Hashable, CaseIterable {
        /// It has its effect.
        case honoured
        /// It has no effect here, or another one; the note says why results do not depend on it.
        case accepted
        /// It would change results in a way that does not exist here.
        case refused
    }

    /// Its path, parts joined by dots.
    package let path: String
    package let value: JSONValue
    package let outcome: Outcome
    /// What it became, or why it has no effect or is refused.
    package let note: String
}
