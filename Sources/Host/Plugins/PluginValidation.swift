public import Foundation
import PluginAPI

/// `forktail plugins validate`: whether this host can use a plugin's folder or file.
public enum PluginValidation {
    /// - Parameter url: a folder with plugin.json and sources, or a library with its manifest beside it.
    /// - Returns: what was found, for the user.
    /// - Throws: `PluginErrors` with what is wrong.
    public static func run(_ url: URL, shown: String, compiled: [CompiledPlugin]) throws -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw PluginErrors(errors: [.unreadable(shown, "no such file or folder")])
        }
        if isFolder.boolValue {
            let manifest = try PluginBuilder.manifest(of: url)
            guard manifest.api.isMet(by: PluginCatalog.offered) else {
                throw PluginErrors(errors: [.apiMismatch(manifest, offered: PluginCatalog.offered)])
            }
            let sources = try PluginBuilder.sources(of: url)
            guard sources.contains(where: { FileManager.default.contents(atPath: $0.path).map { contents in
                contents.range(of: Data(manifest.principal.utf8)) != nil
            } ?? false }) else {
                throw PluginErrors(errors: [
                    PluginError(
                        .invalidManifest, "no source of \(shown) mentions its principal type '\(manifest.principal)'",
                        hint: "name the type that conforms to Plugin in plugin.json")
                ])
            }
            return "\(manifest.id) \(manifest.version): the manifest is valid (\(sources.count) sources); "
                + "compile it: forktail plugins build \(shown)"
        }
        let catalog = PluginCatalog(
            compiled: compiled, settings: PluginSettings(commandLine: [url.path]), environment: [:])
        let file = catalog.candidates.last { !$0.source.isCompiled }
        let registry = try RegistryBuilder(catalog).build()
        guard let file else { throw PluginErrors(errors: catalog.errors) }
        let names = file.manifest.provides.map { "\($0.id.kind.rawValue) \($0.id.name)" }.joined(separator: ", ")
        let digest = registry.resolvedSet.plugins.first { $0.id == "\(file.manifest.id)" }?.digest ?? ""
        return "\(file.manifest.id) \(file.manifest.version): loads and registers \(names) (sha256 \(digest))"
    }
}
