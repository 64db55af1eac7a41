/// An endless sequence of samples in which the sample at a position is a function of the position alone.
///
/// A source in some order is a stream (``OrderedSource``), and so is a weighted mix of streams (``MixedStream``): a
/// ``Loader`` needs only a cursor to resume either. Implementations are called from several threads at once.
public protocol SampleStream: Sendable {
    /// The number of samples after which every source has been read once (a mix: once in total weight).
    var epochLength: Int { get }
    /// A digest of the data behind the stream.
    var fingerprint: String { get }
    /// What the order depends on besides the data (shuffle, seed, block size, weights), to be compared on resume.
    var plan: [String: String] { get }
    /// The sample at `position`, counted from 0 over all epochs.
    func sample(at position: Int) throws -> Sample
}
