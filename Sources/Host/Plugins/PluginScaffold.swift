public import Foundation
public import PluginAPI

/// A plugin to start from: `forktail plugins new`.
public struct PluginScaffold {
    public let id: PluginID
    /// The type that does the work, named after the plugin.
    public let typeName: String
    private let source: ScaffoldSource

    /// - Parameter id: the new plugin's, of the kind's own form `publisher.kind.name`.
    /// - Throws: `PluginError` (`invalidScaffold`).
    public init(_ kind: PluginKind, _ id: String) throws {
        do {
            self.id = try PluginID(id)
        } catch {
            throw PluginError(.invalidScaffold, "cannot name a plugin so: \(error.message)")
        }
        guard self.id.kind == kind else {
            throw PluginError(
                .invalidScaffold, "'\(id)' is the id of a \(self.id.kind.rawValue), expected a \(kind.rawValue)",
                hint: "forktail plugins new \(kind.rawValue) \(self.id.publisher).\(kind.rawValue).\(self.id.name)")
        }
        guard self.id.publisher != "core" else {
            throw PluginError(
                .invalidScaffold, "the publisher 'core' is Forktail's own", hint: "put your own name before the first dot")
        }
        typeName = self.id.name.split { $0 == "-" || $0 == "_" }.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        guard let source = ScaffoldSource(kind, typeName, self.id.name) else {
            let kinds = PluginKind.allCases.filter { !$0.isReserved }.map(\.rawValue).joined(separator: ", ")
            throw PluginError(
                .invalidScaffold, "the kind '\(kind.rawValue)' is reserved: nothing can provide it yet",
                hint: "kinds that can be made: \(kinds)")
        }
        self.source = source
    }

    /// Writes the folder; it must not exist, or be empty.
    public func write(to folder: URL) throws {
        let files = FileManager.default
        if files.fileExists(atPath: folder.path), try !files.contentsOfDirectory(atPath: folder.path).isEmpty {
            throw PluginError(
                .invalidScaffold, "\(folder.path) has files already", hint: "choose another folder: --into DIR")
        }
        var contents = [
            "plugin.json": manifest, "\(typeName).swift": source.implementation, "\(typeName)Plugin.swift": principal,
            "README.md": readme, "Tests/\(typeName)Tests.swift": tests, "recipe.yaml": source.recipe.text,
        ]
        if let data = source.recipe.data { contents[data.name] = data.text }
        for (name, text) in contents.sorted(by: { $0.key < $1.key }) {
            let file = folder.appending(path: name)
            try files.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
    }

    /// What trains with it first, in its folder.
    var command: String { source.recipe.command }

    private var manifest: String {
        """
        {
          "schema": 1,
          "id": "\(id)",
          "version": "0.1.0",
          "api": "\(PluginCatalog.offered)",
          "summary": "\(source.summary)",
          "license": "Apache-2.0",
          "principal": "\(typeName)Plugin",
          "provides": [{ "kind": "\(id.kind.rawValue)", "name": "\(id.name)" }]
        }

        """
    }

    private var principal: String {
        """
        public import PluginAPI

        /// Registers `\(id.name)`.
        public struct \(typeName)Plugin: Plugin {
            public init() {}

            public func register(in registrar: Registrar) throws {
                try registrar.\(id.kind.rawValue)("\(id.name)", \(typeName).self)
            }
        }

        """
    }

    private var readme: String {
        """
        # \(id)

        \(source.summary).

        Build it, look at it, use it:

            forktail plugins build .
            forktail plugins info \(id) --plugin \(id).so
            \(source.recipe.command)

        `\(typeName).swift` is the plugin, `\(typeName)Plugin.swift` registers it, `plugin.json` says what it is, and `Tests`
        checks it with PluginTestKit, a product of the forktail package.

        """
    }

    private var tests: String {
        let contract = source.hasConfig ? "try checkConfig(\(typeName).Config.self)" : "#expect(!\(typeName).modelTypes.isEmpty)"
        return """
            import PluginTestKit
            import Testing
            @testable import \(typeName)

            @Test func `the settings are documented`() throws {
                \(contract)
            }

            """
    }
}
