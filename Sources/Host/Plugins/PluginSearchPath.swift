import Foundation

/// Where plugin files are looked for, in order. Never the current directory.
struct PluginSearchPath {
    /// One file or folder.
    struct Root {
        let url: URL
        /// How the user wrote it.
        let shown: String
        /// Whether the user named it for this run, so that what is wrong with it ends the run.
        let isNamed: Bool
        let isOnCommandLine: Bool
        /// What a workspace recorded of the file.
        var recorded: PluginWorkspace.Built?
    }

    let roots: [Root]

    /// - Parameters:
    ///   - directory: what relative paths are relative to.
    ///   - environment: FORKTAIL_PLUGIN_PATH (folders between colons), XDG_DATA_HOME, HOME.
    init(_ settings: PluginSettings, directory: URL, environment: [String: String]) {
        func root(_ path: String, isNamed: Bool, isOnCommandLine: Bool = false) -> Root {
            let expanded = path.hasPrefix("~/") ? (environment["HOME"] ?? "~") + path.dropFirst() : path
            let url = expanded.hasPrefix("/") ? URL(filePath: expanded) : directory.appending(path: expanded)
            return Root(url: url.standardizedFileURL, shown: path, isNamed: isNamed, isOnCommandLine: isOnCommandLine)
        }
        var roots = settings.commandLine.map { root($0, isNamed: true, isOnCommandLine: true) }
        roots += settings.paths.map { root($0, isNamed: true) }
        roots += settings.workspace.map { built in
            Root(url: built.file, shown: built.shown, isNamed: true, isOnCommandLine: false, recorded: built)
        }
        let variable = environment["FORKTAIL_PLUGIN_PATH"] ?? ""
        // A relative entry would make the set of plugins depend on the current directory.
        roots += variable.split(separator: ":").filter { $0.hasPrefix("/") || $0.hasPrefix("~/") }
            .map { root(String($0), isNamed: false) }
        let home = environment["HOME"].map { $0 + "/.local/share" }
        if let data = environment["XDG_DATA_HOME"].flatMap({ $0.hasPrefix("/") ? $0 : nil }) ?? home {
            roots.append(root(data + "/forktail/plugins", isNamed: false))
        }
        self.roots = roots
    }
}
