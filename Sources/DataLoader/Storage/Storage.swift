/// A place that holds a data set's files; plugins add remote ones. Called from several threads at once.
public protocol Storage: Sendable {
    /// What to call the place in messages: a path or an address.
    var location: String { get }
    /// The directory whose files can be opened directly, or nil for a remote place that must be copied from.
    var localDirectory: String? { get }
    /// The size of the file at `path` (relative, with `/`), or nil when there is none.
    ///
    /// - Throws: when it cannot be found out, e.g. because the network is down.
    func byteCount(of path: String) throws -> Int?
    /// Copies the file at `path` to the local file `destination`, which must then be complete and on disk.
    func fetch(_ path: String, to destination: String) throws
}
