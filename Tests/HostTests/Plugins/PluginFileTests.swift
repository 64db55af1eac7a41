import Core
import Foundation
import Host
import JSON
import PluginAPI
import Testing

/// Plugin files: built by forktail, built otherwise, and built for another forktail.
@Suite struct PluginFileTests {
    private static let sample = TestPlugins.root.appending(path: "Examples/Plugins/SignSGD")
    /// Built once for all tests; each copies it into a folder of its own.
    private static let built = Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "forktail-tests-\(UUID().uuidString)")
        return try PluginBuilder().build(sample, output: folder.appending(path: "acme.so"))
    }

    /// A folder with the sample's file as `acme.so` and its manifest beside it.
    private func withSample(_ body: (URL) throws -> Void) throws {
        let built = try Self.built.get()
        try TestPlugins.withFolder { folder in
            try FileManager.default.copyItem(at: built.library, to: folder.appending(path: "acme.so"))
            try FileManager.default.copyItem(at: built.manifest, to: folder.appending(path: "acme.json"))
            try body(folder)
        }
    }

    private func registry(in folder: URL, file: String = "acme.so") throws -> Registry {
        try RegistryBuilder(TestPlugins.catalog([], PluginSettings(paths: [file]), in: folder)).build()
    }

    private func failure(in folder: URL, file: String = "acme.so") -> PluginError? {
        do {
            _ = try registry(in: folder, file: file)
            return nil
        } catch let errors as PluginErrors {
            return errors.errors.first
        } catch {
            Issue.record(error)
            return nil
        }
    }

    /// Whether a plugin file of this name is part of the process.
    private static func isMapped(_ name: String) throws -> Bool {
        let maps = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/maps")).readToEnd() ?? Data()
        return String(decoding: maps, as: UTF8.self).contains("memfd:\(name)")
    }

    /// Replaces a text of the same length in the file.
    private func patch(_ file: URL, _ old: String, _ new: String) throws {
        precondition(old.utf8.count == new.utf8.count)
        var data = try Data(contentsOf: file)
        let range = try #require(data.range(of: Data(old.utf8)), "\(old) is not in \(file.lastPathComponent)")
        data.replaceSubrange(range, with: Data(new.utf8))
        try data.write(to: file)
    }

    @Test func `a plugin built outside the package is loaded and makes its optimizer`() throws {
        try withSample { folder in
            let registry = try registry(in: folder)
            let provider = try registry.optimizer("signsgd")
            #expect("\(provider.id)" == "acme.optimizer.signsgd")
            #expect(provider.schema.template.text == #"{"momentum": 0.9}"#)
            let optimizer = try provider.make(.object([JSONValue.Member("momentum", .number("0.5"))]), "optimizer")
            #expect(optimizer.stateNames == ["momentum"])
            #expect(throws: InputError.self) {
                try provider.make(.object([JSONValue.Member("momentum", .number("1.5"))]), "optimizer")
            }
            #expect(registry.resolvedSet.plugins.first?.digest?.count == 64)
            #expect(try Self.isMapped("acme.so"))
        }
    }

    @Test func `two files with the same module and type names are both loaded`() throws {
        try withSample { folder in
            let other = folder.appending(path: "other")
            try FileManager.default.copyItem(at: Self.sample, to: other)
            // Another publisher, and the module of the first.
            let manifest = other.appending(path: "plugin.json")
            try patch(manifest, "acme.optimizer.signsgd", "corp.optimizer.signsgd")
            let source = other.appending(path: "SignSGD.swift")
            try patch(source, "var momentum = 0.9", "var momentum = 0.8")
            _ = try PluginBuilder().build(other, output: folder.appending(path: "corp.so"), moduleName: "acme_optimizer_signsgd")
            let settings = PluginSettings(paths: ["acme.so", "corp.so"], use: ["corp.optimizer.signsgd"])
            let registry = try RegistryBuilder(TestPlugins.catalog([], settings, in: folder)).build()
            #expect(try registry.optimizer("signsgd").schema.template.text == #"{"momentum": 0.8}"#)
            #expect(try registry.optimizer("acme.optimizer.signsgd").schema.template.text == #"{"momentum": 0.9}"#)
        }
    }

    @Test func `a file for another interface is refused before its code can run`() throws {
        try withSample { folder in
            let file = folder.appending(path: "old.so")
            try FileManager.default.moveItem(at: folder.appending(path: "acme.so"), to: file)
            try FileManager.default.moveItem(
                at: folder.appending(path: "acme.json"), to: folder.appending(path: "old.json"))
            let ours = PluginInterface.fingerprint.description
            try patch(file, ours, PluginInterface.marker + String(repeating: "9", count: 64))
            let found = try #require(failure(in: folder, file: "old.so"))
            #expect(found.code == .stale)
            #expect(
                "\(found)" == """
                    old.so was built for interface 9999\u{2026}, this forktail is \
                    \(ours.dropFirst(PluginInterface.marker.count).prefix(4))\u{2026}. rebuild: forktail plugins build \
                    DIR (the folder of its plugin.json)
                    """)
            #expect(try !Self.isMapped("old.so"))
            // Known from the bytes alone, so that a listing shows it.
            let catalog = TestPlugins.catalog([], path: folder.path)
            #expect(RegistryBuilder.rows(of: catalog).map { "\($0.state)" } == ["error: stale interface"])
        }
    }

    @Test func `a manifest that differs from the embedded one is refused`() throws {
        try withSample { folder in
            try patch(folder.appending(path: "acme.json"), "\"version\": \"0.1.0\"", "\"version\": \"0.2.0\"")
            #expect(
                "\(failure(in: folder).map { "\($0)" } ?? "")" == """
                    acme.so was built with another manifest than the one beside it: 'version' is "0.1.0" inside, "0.2.0" \
                    beside. rebuild it, or restore the manifest that came with it
                    """)
        }
    }

    @Test func `a file that everyone can write is refused`() throws {
        try withSample { folder in
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o666], ofItemAtPath: folder.appending(path: "acme.so").path)
            #expect(failure(in: folder)?.code == .unsafeFile)
        }
    }

    @Test func `a folder, a missing file and a missing manifest are refused`() throws {
        try withSample { folder in
            try FileManager.default.removeItem(at: folder.appending(path: "acme.json"))
            #expect(
                failure(in: folder)?.description
                    == "cannot read the plugin acme.so: no manifest beside it (acme.json or plugin.json)")
            try FileManager.default.removeItem(at: folder.appending(path: "acme.so"))
            #expect(failure(in: folder)?.description == "cannot read the plugin acme.so: no such file or folder")
        }
    }

    @Test func `a library that is no plugin is told from one`() throws {
        try withSample { folder in
            let file = folder.appending(path: "acme.so")
            try patch(file, "ft_plugin_entry_v1\0", "ft_plugin_entry_v9\0")
            #expect(failure(in: folder)?.code == .noEntryPoint)
        }
    }

    @Test func `a missing symbol is named in Swift's own words`() throws {
        try withSample { folder in
            let other = folder.appending(path: "other")
            try FileManager.default.copyItem(at: Self.sample, to: other)
            let source = other.appending(path: "SignSGDPlugin.swift")
            let text = try String(contentsOf: source, encoding: .utf8)
            let call = "@_silgen_name(\"$s9PluginAPI4GoneyyF\") func gone()\n"
            try (text.replacingOccurrences(of: "try registrar", with: "gone(); try registrar") + call)
                .write(to: source, atomically: true, encoding: .utf8)
            _ = try PluginBuilder().build(other, output: folder.appending(path: "acme.so"))
            #expect(
                failure(in: folder)?.description == """
                    acme.so needs 'PluginAPI.Gone() -> ()', which this forktail does not have. rebuild: forktail plugins \
                    build DIR (the folder of its plugin.json)
                    """)
        }
    }

    @Test func `a library with its own copy of the interface is refused`() throws {
        try withSample { folder in
            try NaiveBuild.compile(Self.sample, into: folder.appending(path: "acme.so"))
            #expect(
                failure(in: folder)?.description == """
                    acme.so contains its own copy of PluginAPI, so its types are not forktail's types. build it with \
                    forktail plugins build, or link against $FORKTAIL_SDK (Docs/plugins.md#sdk)
                    """)
        }
    }

    @Test func `listing loads no file`() throws {
        try TestPlugins.withFolder { folder in
            try TestPlugins.place("acme", in: folder, manifest: TestPlugins.manifest("acme.scheduler.wave"))
            try "{".write(to: folder.appending(path: "broken.json"), atomically: true, encoding: .utf8)
            try "no library".write(to: folder.appending(path: "broken.so"), atomically: true, encoding: .utf8)
            // A file that nothing can be loaded from is listed like any other: nothing tried to.
            let rows = RegistryBuilder.rows(of: TestPlugins.catalog([], path: folder.path))
            #expect(rows.map { "\($0.state)" } == ["active", "error: invalid manifest"])
        }
    }

    @Test func `an exported SDK is enough to build a plugin`() throws {
        try TestPlugins.withFolder { folder in
            let sdk = folder.appending(path: "sdk")
            try PluginSDK.find().export(to: sdk)
            let environment = ["FORKTAIL_SDK": sdk.path, "PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""]
            _ = try PluginBuilder(environment: environment).build(Self.sample, output: folder.appending(path: "acme.so"))
            #expect(try "\(registry(in: folder).optimizer("signsgd").id)" == "acme.optimizer.signsgd")
        }
    }
}
