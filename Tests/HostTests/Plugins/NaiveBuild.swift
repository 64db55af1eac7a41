import Foundation
import Host

/// What an author who knows nothing of forktail's rule gets: a library with everything linked in.
enum NaiveBuild {
    struct Failed: Error {}

    static func compile(_ folder: URL, into library: URL) throws {
        let build = PluginSDK.runningExecutable().deletingLastPathComponent()
        let modules = ["PluginAPI", "Core", "DataLoader", "Text", "JSON", "Random", "CKernels", "CXXHash", "CPluginABI"]
        let list = build.appending(path: "forktailPackageTests.product/Objects.LinkFileList")
        let objects = try String(contentsOf: list, encoding: .utf8).split(separator: "\n")
            .map { $0.trimmingCharacters(in: CharacterSet(charactersIn: "'\"")) }
            .filter { object in modules.contains { object.contains("/\($0).build/") } }
        let sources = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["swiftc", "-O", "-wmo", "-emit-library", "-parse-as-library", "-module-name", "Naive", "-o", library.path]
            + (try PluginSDK.find().compilerArguments) + sources.map { folder.appending(path: $0).path } + objects
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw Failed() }
    }
}
