import CPluginABI
import Foundation
import Glibc
import PluginAPI

/// Loads plugins one by one and collects what they register.
///
/// A plugin file is never unloaded: Swift's metadata lives as long as the process.
final class PluginLoader {
    /// A plugin whose contributions are what its manifest says.
    struct Loaded {
        let contributions: [Contribution]
        /// SHA-256 of the file; nil for what is compiled in.
        let digest: String?
    }

    /// What was loaded already, by the digest of its file.
    private var loaded: [String: Loaded] = [:]

    /// - Throws: `PluginError`; nothing of the plugin is registered then.
    func load(_ candidate: PluginCandidate) throws -> Loaded {
        if let error = candidate.error { throw error }
        switch candidate.source {
        case .compiled(let plugin):
            let registrar = Registrar()
            do {
                try plugin.type.init().register(in: registrar)
            } catch {
                throw PluginError.registrationFailed(candidate.manifest.id, "\(error)")
            }
            return Loaded(contributions: try PluginLoader.declared(registrar, candidate.manifest), digest: nil)
        case .file(let url, let shown):
            return try load(url, shown: shown, candidate.manifest, candidate.recorded)
        }
    }

    /// The order of the checks is that of the reasons for refusal: what is safe to say before any of the plugin's code
    /// runs is checked first.
    private func load(
        _ url: URL, shown: String, _ manifest: PluginManifest, _ recorded: PluginWorkspace.Built?
    ) throws -> Loaded {
        let file = try PluginFile(url, shown: shown)
        if let recorded, recorded.digest != file.digest {
            throw PluginError.changed(
                shown, digest: file.digest, recorded: recorded.digest, workspace: recorded.workspace)
        }
        if let known = loaded[file.digest] { return known }
        let sources = PluginFile.sources(of: url)
        let offered = PluginFile.hostFingerprint
        if let built = file.fingerprint, built != offered {
            throw PluginError.stale(shown, built: built, offered: offered, sources: sources)
        }
        let library = try PluginLibrary(file, shown: shown, sources: sources)
        let entry = try library.entry()
        let fingerprint = PluginFile.digits(String(cString: entry.fingerprint))
        if fingerprint != offered {
            throw PluginError.stale(shown, built: fingerprint, offered: offered, sources: sources)
        }
        let (compiler, ours) = (String(cString: entry.compiler), String(cString: ft_compiler()))
        if compiler != ours {
            throw PluginError.otherCompiler(shown, built: compiler, offered: ours, sources: sources)
        }
        let inside = try PluginManifest(String(cString: entry.manifest_json), file: "the manifest inside \(shown)")
        if let (key, beside, within) = ManifestDifference.first(manifest.json, inside.json) {
            throw PluginError.manifestMismatch(shown, key: key, beside: beside, inside: within)
        }
        let registrar = Registrar()
        guard entry.register_contributions(Unmanaged.passUnretained(registrar).toOpaque()) == 0 else {
            let reason = registrar.failure.map { "\($0)" } ?? "it gave no reason"
            throw PluginError.registrationFailed(manifest.id, reason)
        }
        let result = Loaded(contributions: try PluginLoader.declared(registrar, manifest), digest: file.digest)
        loaded[file.digest] = result
        return result
    }

    /// What was registered, if that is what the manifest provides, nothing more and nothing less.
    private static func declared(_ registrar: Registrar, _ manifest: PluginManifest) throws -> [Contribution] {
        let registered = Set(registrar.contributions.map { PluginSlot($0.kind, $0.name) })
        let provided = Set(manifest.provides.map { PluginSlot($0.id.kind, $0.id.name) })
        if registered != provided {
            throw PluginError.undeclared(
                manifest.id, missing: provided.subtracting(registered).sorted().map(\.description),
                extra: registered.subtracting(provided).sorted().map(\.description))
        }
        return registrar.contributions
    }
}
