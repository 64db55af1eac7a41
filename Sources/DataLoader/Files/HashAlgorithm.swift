/// The checksums that shards are verified with; the names are those of MDS.
public enum HashAlgorithm: String, Sendable, CaseIterable {
    /// The fastest: finds damage, not malice.
    case xxh64
    case sha256, sha512, sha1, md5

    /// The checksum of `bytes`, in lower-case hexadecimal.
    public func digest(of bytes: UnsafeRawBufferPointer) -> String {
        let hasher = RunningHash(self)
        hasher.update(bytes)
        return hasher.hexadecimal()
    }
}
