import Foundation

/// The real data beside the package, which only some machines have.
enum SharedData {
    static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["FORKTAIL_SHARED_DATA"] { return URL(fileURLWithPath: path) }
        return URL(fileURLWithPath: #filePath)  // Tests/TextTests/SharedData.swift
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("shared/data")
    }()

    static let isPresent = FileManager.default.fileExists(atPath: root.path)
    static let absence = "the shared data set is absent; set FORKTAIL_SHARED_DATA to its directory"

    static func file(_ path: String) -> URL { root.appendingPathComponent(path) }
}
