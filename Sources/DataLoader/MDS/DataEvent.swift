/// Something that a data set noticed about its files, worth a line in the log and a counter.
public struct DataEvent: Sendable, CustomStringConvertible {
    /// What happened.
    public enum Kind: String, Sendable, CaseIterable {
        /// A file that this run had in its cache is gone, and this run did not delete it.
        case externalEviction
        /// A file's bytes are not those that were written: wrong length, checksum or structure.
        case damaged
        /// A good copy was found or fetched in place of a missing or damaged file.
        case healed
        /// A file was to be deleted to keep the cache small, but it may be the only copy, so it was kept.
        case evictionRefused
    }

    /// What happened.
    public let kind: Kind
    /// The shard file.
    public let file: String
    /// What was found.
    public let detail: String

    /// One line for the log.
    public var description: String {
        switch kind {
        case .externalEviction: "data: \(file) was deleted by someone else: \(detail)"
        case .damaged: "data: \(file) is damaged: \(detail)"
        case .healed: "data: \(file) is good again: \(detail)"
        case .evictionRefused: "data: \(file) was kept although the cache is full: \(detail)"
        }
    }
}
