/// A source whose columns go by other names.
public struct RenamedSource: SampleSource {
    private let source: any SampleSource
    private let names: [String: String]

    /// - Parameters:
    ///   - source: the samples.
    ///   - names: new name to stored name.
    public init(_ source: any SampleSource, names: [String: String]) {
        self.source = source
        self.names = names
    }

    public var layout: ShardLayout { source.layout }

    /// The digest of the data, whatever their columns are called.
    public var fingerprint: String { source.fingerprint }

    /// The sample at `index`.
    ///
    /// - Throws: ``SampleError`` when it lacks a stored name, and what the source throws.
    public func sample(at index: Int) throws -> Sample { try source.sample(at: index).renamingColumns(names) }
}
