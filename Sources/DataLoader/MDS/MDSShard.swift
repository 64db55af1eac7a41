/// One shard of an MDS data set, as the index describes it.
public struct MDSShard: Sendable, Hashable {
    /// Names and encodings of the columns; they may differ from shard to shard.
    public let schema: Schema
    /// The number of samples; 0 happens (a first sample larger than the size limit).
    public let sampleCount: Int
    /// The uncompressed file.
    public let raw: MDSFile
    /// The compressed file, if the shard is compressed.
    public let zip: MDSFile?
    /// How, as the writer's user spelled it.
    public let compression: String?

    /// The file that the data set's directory must have: the compressed one if there is one.
    public var stored: MDSFile { zip ?? raw }
}
