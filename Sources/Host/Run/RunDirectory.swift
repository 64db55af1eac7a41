import Core
import Foundation
import JSON
import PluginAPI

/// A run's directory, held by one live process at a time.
final class RunDirectory {
    let url: URL
    private let lock: FileLock

    /// Creates the directory where it is missing and takes its lock.
    /// - Throws: `InputError` when it cannot be written or another process holds it.
    init(_ path: String) throws {
        url = URL(fileURLWithPath: path)
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        } catch {
            throw InputError(
                path, "cannot create the run directory: \(error.localizedDescription)", fix: "--run-dir DIR")
        }
        lock = try FileLock(url.appendingPathComponent("run.lock").path)
    }

    var checkpoints: URL { url.appendingPathComponent("checkpoints") }
    var final: URL { url.appendingPathComponent("final") }

    /// Writes a file of the directory atomically.
    func write(_ name: String, _ text: String) throws {
        try AtomicFile.write(Data(text.utf8), to: url.appendingPathComponent(name).path)
    }
}
