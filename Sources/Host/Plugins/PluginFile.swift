import CPluginABI
import CPluginLoader
import Crypto
import Foundation
import Glibc
import PluginAPI

/// A plugin file read once: what was hashed is what is loaded, whatever happens to the path afterwards.
struct PluginFile {
    /// A sealed file in memory. It stays open as long as the process lives: the loader remembers libraries by their path,
    /// and a second plugin under the same descriptor number would be taken for the first.
    let descriptor: CInt
    /// SHA-256, hexadecimal.
    let digest: String
    /// The interface that the file was compiled against, when it says so.
    let fingerprint: String?

    /// - Parameter shown: how messages call the file.
    init(_ file: URL, shown: String) throws {
        let contents = try PluginFile.contents(file, shown)
        if let fault = LibraryHeader.fault(in: contents) { throw PluginError.damaged(shown, fault, sources: PluginFile.sources(of: file)) }
        digest = PluginFile.digest(contents)
        fingerprint = PluginFile.fingerprint(in: contents)
        descriptor = ft_memory_file(file.lastPathComponent)
        guard descriptor >= 0 else { throw PluginFile.failure(shown) }
        var written = 0
        while written < contents.count {
            let count = contents.withUnsafeBytes { bytes in
                write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            }
            guard count > 0 else { throw PluginFile.failure(shown) }
            written += count
        }
        guard ft_seal(descriptor) == 0 else { throw PluginFile.failure(shown) }
    }

    /// The path under which the loader finds it.
    var path: String { "/proc/self/fd/\(descriptor)" }

    /// Why the file cannot be loaded, told from its bytes: nothing is loaded.
    static func fault(of file: URL, shown: String) throws -> PluginError? {
        let contents = try contents(file, shown)
        if let fault = LibraryHeader.fault(in: contents) { return .damaged(shown, fault, sources: sources(of: file)) }
        guard let built = fingerprint(in: contents), built != hostFingerprint else { return nil }
        return .stale(shown, built: built, offered: hostFingerprint, sources: sources(of: file))
    }

    /// The folder to rebuild a plugin from: where it lies, when its manifest's sources lie there too.
    static func sources(of file: URL) -> String {
        let folder = file.deletingLastPathComponent()
        let hasSources = FileManager.default.fileExists(atPath: folder.appending(path: "plugin.json").path)
        return hasSources ? folder.path : "DIR (the folder of its plugin.json)"
    }

    /// SHA-256 of a file that can be loaded, hexadecimal.
    static func digest(of file: URL, shown: String) throws -> String { digest(try contents(file, shown)) }

    private static func digest(_ contents: Data) -> String {
        SHA256.hash(data: contents).map { String(format: "%02x", $0) }.joined()
    }

    /// The interface of this host, 64 hexadecimal digits.
    static var hostFingerprint: String { digits(PluginInterface.fingerprint.description) }

    /// A fingerprint without its marker.
    static func digits(_ fingerprint: String) -> String { String(fingerprint.dropFirst(PluginInterface.marker.count)) }

    /// The marker and its 64 digits are one string among the file's constants.
    private static func fingerprint(in contents: Data) -> String? {
        var rest = contents[...]
        while let range = rest.range(of: Data(PluginInterface.marker.utf8)) {
            rest = rest[range.upperBound...]
            let digits = String(decoding: rest.prefix(64), as: UTF8.self)
            if digits.count == 64, digits.allSatisfy(\.isHexDigit) { return digits }
        }
        return nil
    }

    private static func contents(_ file: URL, _ shown: String) throws -> Data {
        var status = stat()
        let opened = open(file.path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else { throw failure(shown) }
        defer { close(opened) }
        guard fstat(opened, &status) == 0 else { throw failure(shown) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw PluginError.unreadable(shown, "it is not a regular file") }
        guard status.st_mode & S_IWOTH == 0 else { throw PluginError.unsafeFile(shown) }
        do {
            return try FileHandle(fileDescriptor: opened, closeOnDealloc: false).readToEnd() ?? Data()
        } catch {
            throw PluginError.unreadable(shown, error.localizedDescription)
        }
    }

    private static func failure(_ shown: String) -> PluginError { .unreadable(shown, String(cString: strerror(errno))) }
}
