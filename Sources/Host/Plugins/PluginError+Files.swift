import PluginAPI

/// What a plugin file can be refused for, in the order of the checks.
extension PluginError {
    static func unreadable(_ path: String, _ reason: String) -> PluginError {
        PluginError(.unreadable, "cannot read the plugin \(path): \(reason)")
    }

    static func unsafeFile(_ path: String) -> PluginError {
        PluginError(.unsafeFile, "\(path) can be written by every user", hint: "chmod o-w \(path)")
    }

    static func invalidManifest(_ path: String, _ problems: [InputProblem]) -> PluginError {
        PluginError(
            .invalidManifest,
            "\(path) is not a valid manifest: " + problems.map(\.description).joined(separator: "; "),
            hint: "Docs/plugins.md lists its keys")
    }

    static func apiMismatch(_ manifest: PluginManifest, offered: InterfaceVersion) -> PluginError {
        let needed = manifest.api.major == offered.major ? "\(manifest.api)" : "\(manifest.api.major).x"
        let last = manifest.releases["\(offered.major)"]
        return PluginError(
            .apiMismatch, "\(manifest.id) needs PluginAPI \(needed); this forktail provides \(offered)",
            hint: last.map { "last compatible release: \($0)" })
    }

    static func undefinedSymbol(_ file: String, symbol: String, sources: String) -> PluginError {
        PluginError(
            .undefinedSymbol, "\(file) needs '\(symbol)', which this forktail does not have",
            hint: "rebuild: forktail plugins build \(sources)")
    }

    static func notLoadable(_ file: String, _ reason: String) -> PluginError {
        PluginError(.notLoadable, "\(file) cannot be loaded: \(reason)")
    }

    static func damaged(_ file: String, _ reason: String, sources: String) -> PluginError {
        PluginError(
            .notLoadable, "\(file) cannot be loaded: \(reason)", hint: "rebuild: forktail plugins build \(sources)")
    }

    static func changed(_ file: String, digest: String, recorded: String, workspace: String) -> PluginError {
        PluginError(
            .changedFile, "\(file) is not the file that \(workspace) recorded (sha256 \(short(digest)), recorded \(short(recorded)))",
            hint: "build it again: forktail plugins sync \(workspace)")
    }

    static func privateCopy(_ file: String) -> PluginError {
        PluginError(
            .privateCopy,
            "\(file) contains its own copy of PluginAPI, so its types are not forktail's types",
            hint: "build it with forktail plugins build, or link against $FORKTAIL_SDK (Docs/plugins.md#sdk)")
    }

    static func noEntryPoint(_ file: String) -> PluginError {
        PluginError(
            .noEntryPoint, "\(file) has no function ft_plugin_entry_v1, so it is no forktail plugin",
            hint: "build it with forktail plugins build")
    }

    static func abiMismatch(_ file: String, found: String, expected: String, sources: String) -> PluginError {
        PluginError(
            .abiMismatch, "\(file) speaks version \(found) of the plugin handshake, this forktail \(expected)",
            hint: "rebuild: forktail plugins build \(sources)")
    }

    static func stale(_ file: String, built: String, offered: String, sources: String) -> PluginError {
        PluginError(
            .stale,
            "\(file) was built for interface \(short(built)), this forktail is \(short(offered))",
            hint: "rebuild: forktail plugins build \(sources)")
    }

    static func otherCompiler(_ file: String, built: String, offered: String, sources: String) -> PluginError {
        PluginError(
            .stale, "\(file) was built by the compiler '\(built)', this forktail by '\(offered)'",
            hint: "rebuild: forktail plugins build \(sources)")
    }

    static func manifestMismatch(_ file: String, key: String, beside: String, inside: String) -> PluginError {
        PluginError(
            .manifestMismatch,
            "\(file) was built with another manifest than the one beside it: '\(key)' is \(inside) inside, \(beside) beside",
            hint: "rebuild it, or restore the manifest that came with it")
    }

    static func registrationFailed(_ id: PluginID, _ reason: String) -> PluginError {
        PluginError(.registrationFailed, "\(id) failed to register: \(reason)")
    }

    static func undeclared(_ id: PluginID, missing: [String], extra: [String]) -> PluginError {
        let parts = [
            missing.isEmpty ? nil : "does not register \(missing.joined(separator: ", ")), which its manifest provides",
            extra.isEmpty ? nil : "registers \(extra.joined(separator: ", ")), which its manifest does not provide",
        ]
        return PluginError(
            .undeclared, "\(id) " + parts.compactMap { $0 }.joined(separator: " and "),
            hint: "make 'provides' in plugin.json and register(in:) agree")
    }

    static func hostNotExporting() -> PluginError {
        PluginError(
            .hostNotExporting, "this executable does not export its symbols, so no plugin file can be loaded into it",
            hint: "link it with -Xlinker -export-dynamic (Docs/plugins.md#hosts)")
    }

    /// The first digits of a digest.
    private static func short(_ digest: String) -> String { digest.prefix(4) + "\u{2026}" }
}
