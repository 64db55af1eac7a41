/// One file of a shard, as the index describes it.
public struct MDSFile: Sendable, Hashable {
    /// The path below the data set's directory; merged indices have sub-directories in it.
    public let name: String
    /// The size in bytes.
    public let byteCount: Int
    /// Checksums by algorithm name, those included that this build cannot compute.
    public let hashes: [String: String]

    /// The checksum that is verified: the fastest of those recorded that can be computed.
    var verifiable: (algorithm: HashAlgorithm, digest: String)? {
        for algorithm in HashAlgorithm.allCases {
            if let digest = hashes[algorithm.rawValue] { return (algorithm, digest) }
        }
        return nil
    }
}
