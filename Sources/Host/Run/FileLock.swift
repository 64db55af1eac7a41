import Foundation
import PluginAPI

/// An exclusive lock on a file, which the kernel drops when the process ends however it ends.
final class FileLock {
    private let descriptor: Int32

    /// - Throws: `InputError` that names the process which holds the lock.
    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw InputError(
                path, "cannot write in the run directory: \(String(cString: strerror(errno)))", fix: "--run-dir DIR")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            var text = [UInt8](repeating: 0, count: 32)
            let count = max(0, read(descriptor, &text, text.count))
            close(descriptor)
            let holder = String(decoding: text.prefix(count), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            throw InputError(
                (path as NSString).deletingLastPathComponent,
                "the run directory is in use by the live process \(holder)",
                fix: "wait for it, stop it with `kill -TERM \(holder)`, or choose another --run-dir")
        }
        let text = Array("\(getpid())\n".utf8)
        ftruncate(descriptor, 0)
        pwrite(descriptor, text, text.count, 0)
    }

    deinit { close(descriptor) }
}
