/// One commit of a series that is carried over to another base.
struct ReplayStep: Codable, Sendable, Hashable {
    /// 40 hexadecimal digits.
    let commit: String
    let subject: String
    /// The change that it belongs to.
    let slug: String?
    let kind: Kind

    enum Kind: String, Codable, Sendable {
        /// Changes sources.
        case change
        /// Changes UPSTREAM.md alone.
        case notes
        /// The note of an earlier sync, which the next one replaces.
        case syncNote
    }
}
