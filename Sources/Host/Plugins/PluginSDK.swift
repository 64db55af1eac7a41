import CPluginABI
public import Foundation
import JSON
import PluginAPI

/// What plugins are compiled against: the modules that this host was built from.
///
/// Found as `FORKTAIL_SDK`, as `sdk` beside the folder of the executable (where a package puts it), or as the build folder
/// that the executable lies in.
public struct PluginSDK: Sendable {
    /// The folder with the `.swiftmodule` files.
    let modules: URL
    /// Each C module's name and the folder of its headers.
    let cModules: [CModule]
    /// The folder that the host's own sources lie in, when it was built there.
    let sourceRoot: URL?
    /// The built-in plugins' sources, in folders of folders, when they are there.
    private let plugins: URL
    /// The commit of the built-in plugins, when it is known.
    let commit: String?

    struct CModule: Sendable {
        let name: String
        /// Holds the headers, and the module map when the module comes with one of its own.
        let headers: URL
        let map: URL
    }

    /// The Swift modules that a plugin can import, and those that the compiler wants to see behind them.
    static let swiftModules = ["Core", "Crypto", "CryptoBoringWrapper", "DataLoader", "JSON", "PluginAPI", "Random", "Text"]
    /// The C modules that those need.
    static let cModuleNames = ["CKernels", "CPCRE2", "CPluginABI", "CXXHash", "CZlib", "CZstd"]

    /// - Throws: `PluginError` (`noSDK`) that says where was looked.
    public static func find(
        environment: [String: String] = ProcessInfo.processInfo.environment, executable: URL = runningExecutable()
    ) throws -> PluginSDK {
        let folder = executable.deletingLastPathComponent()
        if let path = environment["FORKTAIL_SDK"], !path.isEmpty {
            guard let sdk = PluginSDK(exported: URL(filePath: path)) else {
                throw PluginError(
                    .noSDK, "FORKTAIL_SDK is \(path), which is no plugin SDK of forktail",
                    hint: "make one: forktail plugins sdk export DIR")
            }
            return sdk
        }
        let beside = folder.deletingLastPathComponent().appending(path: "sdk")
        if let sdk = PluginSDK(exported: beside) ?? PluginSDK(buildFolder: folder) { return sdk }
        throw PluginError(
            .noSDK, "no plugin SDK: neither \(beside.path) nor the build folder \(folder.path) has one",
            hint: "set FORKTAIL_SDK to the folder that `forktail plugins sdk export` wrote")
    }

    /// The file that this process runs.
    public static func runningExecutable() -> URL { URL(filePath: "/proc/self/exe").resolvingSymlinksInPath() }

    /// An SDK folder as `export(to:)` writes it.
    private init?(exported folder: URL) {
        modules = folder.appending(path: "modules")
        cModules = PluginSDK.cModuleNames.map { name in
            let headers = folder.appending(path: "include/\(name)")
            return CModule(name: name, headers: headers, map: headers.appending(path: "module.modulemap"))
        }
        sourceRoot = nil
        plugins = folder.appending(path: "plugins")
        let about = FileManager.default.contents(atPath: folder.appending(path: "sdk.json").path) ?? Data()
        // An SDK without a readable description has no commit, as one made from sources without git.
        commit = (try? JSONValue(parsing: String(decoding: about, as: UTF8.self)))?["commit"]?.string
        if !isComplete { return nil }
    }

    /// SwiftPM's build folder, and the sources that its module maps point to.
    private init?(buildFolder: URL) {
        modules = buildFolder.appending(path: "Modules")
        let map = buildFolder.appending(path: "CPluginABI.build/module.modulemap")
        guard let contents = FileManager.default.contents(atPath: map.path),
            let path = String(decoding: contents, as: UTF8.self).split(separator: "\"").first(where: { $0.hasSuffix("/CPluginABI/include/CPluginABI.h") })
        else { return nil }
        let sources = URL(filePath: String(path)).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        cModules = PluginSDK.cModuleNames.map { name in
            let folder = sources.appending(path: name)
            let own = folder.appending(path: "module.modulemap")
            if FileManager.default.fileExists(atPath: own.path) {
                return CModule(name: name, headers: folder, map: own)
            }
            return CModule(
                name: name, headers: folder.appending(path: "include"),
                map: buildFolder.appending(path: "\(name).build/module.modulemap"))
        }
        sourceRoot = sources.deletingLastPathComponent()
        plugins = sources.deletingLastPathComponent().appending(path: "Plugins")
        commit = nil
        if !isComplete { return nil }
    }

    private var isComplete: Bool {
        let files = PluginSDK.swiftModules.map { modules.appending(path: "\($0).swiftmodule") } + cModules.map(\.map)
        return files.allSatisfy { FileManager.default.fileExists(atPath: $0.path) }
    }

    /// What the Swift compiler is told of it.
    public var compilerArguments: [String] {
        ["-I", modules.path]
            + cModules.flatMap { ["-Xcc", "-fmodule-map-file=\($0.map.path)", "-Xcc", "-I", "-Xcc", $0.headers.path] }
    }

    /// Copies the SDK into a folder that can be moved to another machine.
    /// - Parameter commit: of the sources; nil when they differ from every commit.
    public func export(to folder: URL, commit: String? = nil) throws {
        let files = FileManager.default
        let target = folder.appending(path: "modules")
        try files.createDirectory(at: target, withIntermediateDirectories: true)
        for name in PluginSDK.swiftModules {
            try copy(modules.appending(path: "\(name).swiftmodule"), to: target.appending(path: "\(name).swiftmodule"))
        }
        for module in cModules {
            let headers = folder.appending(path: "include/\(module.name)")
            try files.createDirectory(at: headers, withIntermediateDirectories: true)
            for name in try files.contentsOfDirectory(atPath: module.headers.path) where name.hasSuffix(".h") {
                try copy(module.headers.appending(path: name), to: headers.appending(path: name))
            }
            let map = headers.appending(path: "module.modulemap")
            if module.map.deletingLastPathComponent().path == module.headers.path {
                try copy(module.map, to: map)
            } else {
                let text = "module \(module.name) {\n    umbrella \".\"\n    export *\n}\n"
                try text.write(to: map, atomically: true, encoding: .utf8)
            }
        }
        try exportPlugins(to: folder.appending(path: "plugins"))
        let about = JSONValue.object([
            JSONValue.Member("fingerprint", .string(PluginFile.hostFingerprint)),
            JSONValue.Member("compiler", .string(String(cString: ft_compiler()))),
            JSONValue.Member("api", .string("\(PluginCatalog.offered)")),
            JSONValue.Member("commit", .text(commit ?? self.commit)),
        ])
        try (about.text + "\n").write(to: folder.appending(path: "sdk.json"), atomically: true, encoding: .utf8)
    }

    /// The sources of a built-in plugin.
    func pluginFolder(of id: PluginID) throws -> URL? {
        guard FileManager.default.fileExists(atPath: plugins.path) else { return nil }
        return try PluginSDK.pluginFolders(in: plugins).first { folder in
            let text = try String(contentsOf: folder.appending(path: "plugin.json"), encoding: .utf8)
            return try PluginManifest(text, file: folder.path).id == id
        }
    }

    /// The folders with a manifest, two levels down.
    private static func pluginFolders(in plugins: URL) throws -> [URL] {
        try FileManager.default.subpathsOfDirectory(atPath: plugins.path).filter { path in
            path.hasSuffix("/plugin.json") && path.split(separator: "/").count == 3
        }.sorted().map { plugins.appending(path: $0).deletingLastPathComponent() }
    }

    /// Sources alone: what was built in their folders is not theirs.
    private func exportPlugins(to target: URL) throws {
        guard FileManager.default.fileExists(atPath: plugins.path) else { return }
        for folder in try PluginSDK.pluginFolders(in: plugins) {
            let parts = folder.path.split(separator: "/").suffix(2).joined(separator: "/")
            let home = target.appending(path: parts)
            try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
            for name in try FileManager.default.contentsOfDirectory(atPath: folder.path)
            where ["swift", "json", "md"].contains((name as NSString).pathExtension) {
                try copy(folder.appending(path: name), to: home.appending(path: name))
            }
        }
    }

    private func copy(_ source: URL, to target: URL) throws {
        if FileManager.default.fileExists(atPath: target.path) { try FileManager.default.removeItem(at: target) }
        try FileManager.default.copyItem(at: source, to: target)
    }
}
