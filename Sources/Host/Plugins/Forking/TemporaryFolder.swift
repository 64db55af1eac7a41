import Foundation

/// A folder that is gone when its user is done.
enum TemporaryFolder {
    static func with<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "forktail-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // What is left of a temporary folder is the system's to clear.
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder)
    }
}
