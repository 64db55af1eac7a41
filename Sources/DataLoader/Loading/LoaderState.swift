/// All that a loader must know to go on: independent of the number of ranks and of the batch size.
public struct LoaderState: Codable, Sendable, Hashable {
    /// The digest of the data that the cursor counts in.
    public var fingerprint: String
    /// What the order depends on besides the data.
    public var plan: [String: String]
    /// The number of samples that all ranks together have consumed.
    public var cursor: Int

    /// A state made by hand, e.g. to start in the middle.
    public init(fingerprint: String, plan: [String: String], cursor: Int) {
        self.fingerprint = fingerprint
        self.plan = plan
        self.cursor = cursor
    }
}
