import Foundation

/// The shared data folder beside the package; the tests that need it are skipped when it is absent.
enum SharedData {
    static let root: String =
        ProcessInfo.processInfo.environment["FORKTAIL_SHARED_DATA"]
        ?? packageRoot + "/../shared/data"
    static let packageRoot: String = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    static let isPresent = FileManager.default.fileExists(atPath: root + "/mds-fixtures")
    static let reason = "the shared data folder is absent; set FORKTAIL_SHARED_DATA"
}

/// A directory that lives as long as the object.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "forktail-data-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
}
