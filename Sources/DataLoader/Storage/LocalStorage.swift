import Foundation

/// A directory of this machine (or of a shared file system). Its files are read in place and never deleted.
public struct LocalStorage: Storage {
    /// The directory.
    public let directory: String

    /// - Parameter directory: an absolute or relative path.
    public init(_ directory: String) { self.directory = directory }

    /// The directory.
    public var location: String { directory }

    /// The directory.
    public var localDirectory: String? { directory }

    /// The size of the file, or nil when there is none.
    public func byteCount(of path: String) throws -> Int? { try FileSystem.byteCount(of: directory + "/" + path) }

    /// Copies the file to `destination`, atomically.
    public func fetch(_ path: String, to destination: String) throws {
        try FileSystem.writeAtomically(to: destination) { output in
            try FileSystem.readChunks(of: directory + "/" + path) { try output.write($0) }
        }
    }
}
