/// A set of samples with random access: an MDS data set, JSONL files, or a plugin's own.
///
/// Implementations are called from several threads at once.
public protocol SampleSource: Sendable {
    /// How the samples lie in shards: an order uses it to keep reads close together.
    var layout: ShardLayout { get }
    /// A digest of what the data are, so that a run is not resumed on other data unawares.
    var fingerprint: String { get }
    /// The sample at `index`, in `0..<count`.
    ///
    /// - Throws: an error that names the file and the sample when it cannot be read or is damaged.
    func sample(at index: Int) throws -> Sample
}

extension SampleSource {
    /// The number of samples.
    public var count: Int { layout.count }
}
