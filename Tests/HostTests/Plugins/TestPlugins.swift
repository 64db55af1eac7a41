import Core
import Foundation
import Host
import PluginAPI

/// Plugins and folders for the tests of this folder.
enum TestPlugins {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The text of a plugin.json.
    static func manifest(
        _ id: String, version: String = "0.1.0", api: String = "0.1", principal: String = "ConstantPlugin",
        provides: [String]? = nil, replaces: String? = nil, requires: String = "[]", extra: String = ""
    ) -> String {
        let parts = id.split(separator: ".")
        let claim = replaces.map { ", \"replaces\": \"\($0)\"" } ?? ""
        let list = provides ?? ["{\"kind\": \"\(parts[1])\", \"name\": \"\(parts[2])\"\(claim)}"]
        return """
            {"schema": 1, "id": "\(id)", "version": "\(version)", "api": "\(api)", "summary": "a test",
             "license": "Apache-2.0", "principal": "\(principal)", "provides": [\(list.joined(separator: ", "))],
             "requires": \(requires)\(extra)}
            """
    }

    /// A compiled plugin that provides the scheduler `flat`.
    static func flat(_ id: String, version: String = "0.1.0", replaces: String? = nil, extra: String = "")
        -> CompiledPlugin
    {
        CompiledPlugin(manifest: manifest(id, version: version, replaces: replaces, extra: extra), FlatPlugin.self)
    }

    /// A folder that is gone afterwards.
    static func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "forktail-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }

    /// A catalog that sees nothing of the machine's own plugins.
    static func catalog(
        _ compiled: [CompiledPlugin], _ settings: PluginSettings = PluginSettings(), in folder: URL? = nil,
        path: String? = nil
    ) -> PluginCatalog {
        var environment = ["XDG_DATA_HOME": "/nonexistent"]
        environment["FORKTAIL_PLUGIN_PATH"] = path
        return PluginCatalog(
            compiled: compiled, settings: settings, directory: folder ?? URL(filePath: "/nonexistent"),
            environment: environment)
    }

    /// A file that looks like a library and that no plugin can be loaded from, and a manifest beside it.
    static func place(_ id: String, in folder: URL, manifest: String) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // An ELF header that speaks of nothing beyond itself.
        var header = [UInt8](repeating: 0, count: 64)
        header.replaceSubrange(0..<6, with: [0x7F, UInt8(ascii: "E"), UInt8(ascii: "L"), UInt8(ascii: "F"), 2, 1])
        #if arch(arm64)
            header[18] = 183
        #else
            header[18] = 62
        #endif
        try Data(header).write(to: folder.appending(path: "\(id).so"))
        try manifest.write(to: folder.appending(path: "\(id).json"), atomically: true, encoding: .utf8)
    }
}

struct FlatPlugin: Plugin {
    func register(in registrar: Registrar) throws { try registrar.scheduler("flat", Flat.self) }
}

struct Flat: Scheduler {
    init(_ config: NoConfig, horizon: ScheduleHorizon) throws {}
    func factor(step: Int) -> Double { 1 }
}

/// Registers two things; the second is a mistake.
struct TwicePlugin: Plugin {
    func register(in registrar: Registrar) throws {
        try registrar.scheduler("flat", Flat.self)
        try registrar.scheduler("flat", Flat.self)
    }
}
