import Core
import Foundation
import JSON
import PluginAPI

/// A run's directory, held by one live process at a time.
final class RunDirectory {
    let url: URL
    /// Nil on ranks but the first, which holds the directory for all.
    private let lock: FileLock?

    /// Creates the directory where it is missing and takes its lock.
    /// - Parameter isHeld: whether another rank of the run holds it.
    /// - Throws: `InputError` when it cannot be written or another process holds it.
    init(_ path: String, isHeld: Bool = false) throws {
        url = URL(fileURLWithPath: path)
        if isHeld {
            lock = nil
            return
        }
        try RunDirectory.create(url.path)
        lock = try FileLock(url.appendingPathComponent("run.lock").path)
    }

    /// Creates a directory and what leads to it, as `mkdir -p`.
    private static func create(_ path: String) throws {
        guard mkdir(path, 0o755) != 0, errno != EEXIST else { return }
        let parent = (path as NSString).deletingLastPathComponent
        if errno == ENOENT, parent != path {
            try create(parent)
            if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
        }
        throw InputError(
            path, "cannot create the run directory: \(String(cString: strerror(errno)))", fix: "--run-dir DIR")
    }

    var checkpoints: URL { url.appendingPathComponent("checkpoints") }
    var final: URL { url.appendingPathComponent("final") }

    /// Writes a file of the directory atomically.
    func write(_ name: String, _ text: String) throws {
        try AtomicFile.write(Data(text.utf8), to: url.appendingPathComponent(name).path)
    }
}
