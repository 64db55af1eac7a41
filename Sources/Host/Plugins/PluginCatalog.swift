public import Foundation
import PluginAPI

/// Every plugin that was found, compiled in or in files, from manifests alone: no plugin's code runs.
public struct PluginCatalog: Sendable {
    /// Compiled plugins first, then files in the order of the search path.
    public private(set) var candidates: [PluginCandidate] = []
    /// Files whose manifest cannot be read.
    private(set) var broken: [PluginRow] = []
    let settings: PluginSettings
    /// What is wrong with files that the user named.
    private(set) var errors: [PluginError] = []

    /// - Parameters:
    ///   - compiled: the plugins that are linked into this executable.
    ///   - settings: the recipe's `plugins:` section and the command line.
    ///   - directory: what relative paths are relative to.
    ///   - environment: FORKTAIL_PLUGIN_PATH, XDG_DATA_HOME, HOME.
    public init(
        compiled: [CompiledPlugin], settings: PluginSettings = PluginSettings(),
        directory: URL = URL(filePath: FileManager.default.currentDirectoryPath),
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.settings = settings
        for plugin in compiled {
            do {
                let manifest = try PluginManifest(plugin.manifest, file: "the manifest of \(plugin.type)")
                candidates.append(
                    PluginCandidate(
                        manifest: manifest, source: .compiled(plugin), root: -1, isNamed: true,
                        isOnCommandLine: false, error: PluginCatalog.interfaceError(manifest)))
            } catch let error as PluginError {
                errors.append(error)
            } catch {
                errors.append(PluginError(.invalidManifest, "\(error)"))
            }
        }
        let path = PluginSearchPath(settings, directory: directory, environment: environment)
        var seen: Set<String> = []
        for (number, root) in path.roots.enumerated() {
            for (file, shown) in files(of: root) where seen.insert(file.resolvingSymlinksInPath().path).inserted {
                add(file, shown: shown, root, number)
            }
        }
    }

    /// The plugin files of a root: itself, or what lies in the folder and in the folders directly below it.
    private mutating func files(of root: PluginSearchPath.Root) -> [(URL, shown: String)] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: root.url.path, isDirectory: &isFolder) else {
            if root.isNamed { fail(root, .unreadable(root.shown, "no such file or folder")) }
            return []
        }
        guard isFolder.boolValue else { return [(root.url, root.shown)] }
        let prefix = root.shown.hasSuffix("/") ? root.shown : root.shown + "/"
        do {
            var found: [String] = []
            for name in try FileManager.default.contentsOfDirectory(atPath: root.url.path).sorted() {
                if name.hasSuffix(".so") { found.append(name) }
                let below = root.url.appending(path: name)
                // Links are not followed into folders, so that a link to a parent cannot repeat everything.
                let values = try below.resourceValues(forKeys: [.isDirectoryKey, .isSymbolicLinkKey])
                guard values.isDirectory == true, values.isSymbolicLink != true else { continue }
                let names = try FileManager.default.contentsOfDirectory(atPath: below.path).sorted()
                found += names.filter { $0.hasSuffix(".so") }.map { "\(name)/\($0)" }
            }
            if found.isEmpty, root.isNamed { fail(root, .unreadable(root.shown, "the folder has no .so file")) }
            return found.map { (root.url.appending(path: $0), prefix + $0) }
        } catch {
            fail(root, .unreadable(root.shown, error.localizedDescription))
            return []
        }
    }

    private mutating func fail(_ root: PluginSearchPath.Root, _ error: PluginError) {
        fail(root.shown, error, isNamed: root.isNamed)
    }

    private mutating func fail(_ shown: String, _ error: PluginError, isNamed: Bool) {
        broken.append(
            PluginRow(kind: nil, name: nil, id: nil, version: nil, source: shown, state: .error(error)))
        if isNamed { errors.append(error) }
    }

    private mutating func add(_ file: URL, shown: String, _ root: PluginSearchPath.Root, _ number: Int) {
        do {
            let sidecar = try PluginSidecar(of: file, shown: shown)
            let manifest = try PluginManifest(sidecar.text, file: sidecar.shown)
            if manifest.id.publisher == "core" {
                throw PluginError.invalidManifest(
                    sidecar.shown, [InputProblem("id", "the publisher 'core' is Forktail's own")])
            }
            var candidate = PluginCandidate(
                manifest: manifest, source: .file(file, shown: shown), root: number, isNamed: root.isNamed,
                isOnCommandLine: root.isOnCommandLine, recorded: root.recorded, error: PluginCatalog.interfaceError(manifest))
            if candidate.error == nil { candidate.error = PluginCatalog.fault(of: file, shown: shown) }
            candidates.append(candidate)
            if let error = candidate.error, root.isNamed { errors.append(error) }
        } catch let error as PluginError {
            fail(shown, error, isNamed: root.isNamed)
        } catch {
            fail(shown, .unreadable(shown, "\(error)"), isNamed: root.isNamed)
        }
    }

    /// What can be told of a file without loading it.
    private static func fault(of file: URL, shown: String) -> PluginError? {
        do {
            return try PluginFile.fault(of: file, shown: shown)
        } catch let error as PluginError {
            return error
        } catch {
            return .unreadable(shown, "\(error)")
        }
    }

    /// The interface that this host offers.
    static var offered: InterfaceVersion { InterfaceVersion(major: PluginInterface.major, minor: PluginInterface.minor) }

    private static func interfaceError(_ manifest: PluginManifest) -> PluginError? {
        manifest.api.isMet(by: offered) ? nil : .apiMismatch(manifest, offered: offered)
    }
}
