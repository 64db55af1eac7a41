public import Foundation
import PluginAPI

/// Compiles a plugin's folder into one file that this host can load.
///
/// The sources are compiled against the host's modules and linked with none of them: the missing symbols are found in the
/// running host, so there is one copy of every type.
public struct PluginBuilder {
    private let sdk: PluginSDK
    private let environment: [String: String]

    /// What was built.
    public struct Result: Sendable {
        public let id: String
        public let library: URL
        public let manifest: URL
        public let seconds: Double
    }

    /// - Throws: `PluginError` (`noSDK`).
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        sdk = try PluginSDK.find(environment: environment)
        self.environment = environment
    }

    /// - Parameters:
    ///   - folder: holds plugin.json and the sources, in itself or in `Sources`.
    ///   - output: the library; `<id>.so` in the folder when nil. The manifest is written beside it.
    ///   - moduleName: the Swift module's name; made from the id when nil.
    /// - Throws: `PluginError` with the compiler's messages.
    public func build(_ folder: URL, output: URL? = nil, moduleName: String? = nil) throws -> Result {
        let start = ContinuousClock.now
        let manifest = try PluginBuilder.manifest(of: folder)
        let sources = try PluginBuilder.sources(of: folder)
        guard !sources.isEmpty else {
            throw PluginError(.buildFailed, "\(folder.path) has no Swift files")
        }
        let work = FileManager.default.temporaryDirectory.appending(path: "forktail-build-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: work) }
        let export = work.appending(path: "_Export.swift")
        try ExportSource.text(manifest).write(to: export, atomically: true, encoding: .utf8)
        let built = work.appending(path: "plugin.so")
        let module =
            moduleName
            ?? "\(manifest.id)".replacingOccurrences(of: ".", with: "_").replacingOccurrences(of: "-", with: "_")
        let features = ["ExistentialAny", "MemberImportVisibility", "InternalImportsByDefault", "NonisolatedNonsendingByDefault"]
        try compile(
            ["-O", "-wmo", "-emit-library", "-parse-as-library", "-swift-version", "6", "-module-name", module]
                + features.flatMap { ["-enable-upcoming-feature", $0] }
                + ["-no-toolchain-stdlib-rpath", "-o", built.path] + sdk.compilerArguments
                + sources.map(\.path) + [export.path], id: manifest.id)
        let library = output ?? folder.appending(path: "\(manifest.id).so")
        let sidecar = library.deletingPathExtension().appendingPathExtension("json")
        // Renamed into place: a run that has the old file open keeps it.
        try PluginBuilder.install(Data(contentsOf: built), at: library)
        try PluginBuilder.install(Data(contentsOf: folder.appending(path: "plugin.json")), at: sidecar)
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        return Result(id: "\(manifest.id)", library: library, manifest: sidecar, seconds: elapsed)
    }

    /// Reads and checks a folder's plugin.json.
    static func manifest(of folder: URL) throws -> PluginManifest {
        let file = folder.appending(path: "plugin.json")
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw PluginError(
                .buildFailed, "\(folder.path) has no plugin.json",
                hint: "start from a scaffold: forktail plugins new KIND ID --into DIR")
        }
        return try PluginManifest(String(contentsOf: file, encoding: .utf8), file: file.path)
    }

    private static func install(_ data: Data, at url: URL) throws {
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: url, options: .atomic)
    }

    /// The Swift files of the plugin itself, sorted: those of `Sources` when there is one, and never tests.
    static func sources(of folder: URL) throws -> [URL] {
        let inner = folder.appending(path: "Sources")
        let root = FileManager.default.fileExists(atPath: inner.path) ? inner : folder
        let skipped: Set<String> = ["Tests", ".build", "Package.swift"]
        return try FileManager.default.subpathsOfDirectory(atPath: root.path).filter { path in
            path.hasSuffix(".swift") && !path.split(separator: "/").contains { skipped.contains(String($0)) }
        }.sorted().map { root.appending(path: $0) }
    }

    private func compile(_ arguments: [String], id: PluginID) throws {
        guard let compiler = compilerPath() else {
            throw PluginError(
                .buildFailed, "no Swift compiler: swiftc is not on PATH",
                hint: "install the toolchain that forktail was built with (forktail doctor)")
        }
        let process = Process()
        process.executableURL = compiler
        process.arguments = arguments
        let messages = Pipe()
        process.standardError = messages
        process.standardOutput = messages
        try process.run()
        let output = try messages.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let text = String(decoding: output, as: UTF8.self)
            let errors = text.split(separator: "\n").filter { $0.contains("error:") }.map(String.init)
            throw PluginError(
                .buildFailed,
                "\(id) does not compile:\n" + (errors.isEmpty ? text : Set(errors).sorted().joined(separator: "\n")))
        }
    }

    private func compilerPath() -> URL? {
        (environment["PATH"] ?? "").split(separator: ":").map { URL(filePath: "\($0)/swiftc") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }
}
