import Foundation
import Host
import JSON
import PluginAPI
import Testing

/// A folder of sixty plugins, ten of them broken in ten ways: the rest works, and each says what is wrong with it.
@Suite struct FaultyPluginsTests {
    /// Long enough that the compiler keeps it as bytes of the file, where other numbers can be written over it.
    private static let name = "schedule-numbered-abc"

    /// The folder of a plugin whose scheduler is called `name`.
    private static func write(_ folder: URL, provides: [String]? = nil, body: String = "", extra: String = "") throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let manifest = TestPlugins.manifest("acme.scheduler.\(name)", principal: "NumberedPlugin", provides: provides)
        try manifest.write(to: folder.appending(path: "plugin.json"), atomically: true, encoding: .utf8)
        try """
            public import PluginAPI

            public struct Numbered: Scheduler {
                public init(_ config: NoConfig, horizon: ScheduleHorizon) {}
                public func factor(step: Int) -> Double { 0.5 }
            }

            public struct NumberedPlugin: Plugin {
                public init() {}
                public func register(in registrar: Registrar) throws {
                    \(body)
                    try registrar.scheduler("\(name)", Numbered.self)
                }
            }
            \(extra)

            """.write(to: folder.appending(path: "Numbered.swift"), atomically: true, encoding: .utf8)
    }

    private static func build(_ folder: URL) throws -> Data {
        let library = folder.appending(path: "out/plugin.so")
        _ = try PluginBuilder().build(folder, output: library)
        return try Data(contentsOf: library)
    }

    /// The library with another number in its name, and the manifest for it.
    private static func place(
        _ library: Data, _ number: Int, in folder: URL, file: String? = nil, provides: [String]? = nil, replaces: String? = nil
    ) throws {
        let name = Self.name.dropLast(3) + String(format: "%03d", number)
        var contents = library
        while let range = contents.range(of: Data(Self.name.utf8)) { contents.replaceSubrange(range, with: Data(name.utf8)) }
        let file = file ?? "good\(number)"
        try contents.write(to: folder.appending(path: "\(file).so"))
        let provides = provides?.map { $0.replacingOccurrences(of: Self.name, with: name) }
        try TestPlugins.manifest("acme.scheduler.\(name)", principal: "NumberedPlugin", provides: provides, replaces: replaces)
            .write(to: folder.appending(path: "\(file).json"), atomically: true, encoding: .utf8)
    }

    private static func patch(_ file: URL, at offset: Int, _ byte: UInt8) throws {
        var data = try Data(contentsOf: file)
        data[data.startIndex + offset] = byte
        try data.write(to: file)
    }

    @Test func `fifty plugins work beside ten that are broken in ten ways`() throws {
        try TestPlugins.withFolder { scratch in
            let (plain, folder) = (scratch.appending(path: "plain"), scratch.appending(path: "plugins"))
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Self.write(plain)
            let library = try Self.build(plain)
            for number in 0..<50 { try Self.place(library, number, in: folder) }
            let expected = try breakTen(library, scratch, folder)

            let catalog = TestPlugins.catalog([], path: folder.path)
            let registry = try RegistryBuilder(catalog).build()
            for number in 0..<50 {
                let provider = try registry.scheduler(Self.name.dropLast(3) + String(format: "%03d", number))
                let scheduler = try provider.make(.object([]), ScheduleHorizon(steps: 10, warmupSteps: 0))
                #expect(scheduler.factor(step: 1) == 0.5)
            }
            #expect(registry.rows.filter { if case .active = $0.state { true } else { false } }.count == 50)
            var reasons: [String: String] = [:]
            for row in registry.rows {
                guard case .error(let error) = row.state, let source = row.source else { continue }
                reasons[(source as NSString).lastPathComponent] =
                    "\(error)".replacingOccurrences(of: folder.path + "/", with: "")
            }
            for (file, phrases) in expected {
                let reason = try #require(reasons[file], "\(file) has no reason")
                for phrase in phrases { #expect(reason.contains(phrase), "\(file): \(reason)") }
            }
            #expect(reasons.count == expected.count)
            // Whoever needs one of them is told why it cannot be had.
            #expect(throws: PluginError.self) { try registry.scheduler(Self.name.dropLast(3) + "103") }

            let listed = try Executable.run(
                ["plugins", "list", "--kind", "scheduler", "--load"],
                environment: ["FORKTAIL_PLUGIN_PATH": folder.path, "XDG_DATA_HOME": "/nonexistent"])
            #expect(listed.status == 0, "\(listed.diagnostics)")
            #expect(listed.output.contains("undefined symbol (forktail plugins info acme.scheduler.schedule-numbered-103)"))
            #expect(listed.output.contains("needs 'PluginAPI.Gone() -> ()', which this forktail does not have. rebuild: "))
        }
    }

    /// Ten ways to be broken; eleven files, since a circle takes two.
    /// - Returns: what the reason of each file says.
    private func breakTen(_ library: Data, _ scratch: URL, _ folder: URL) throws -> [String: [String]] {
        func url(_ name: String) -> URL { folder.appending(path: name) }
        // 1: another interface
        let ours = PluginInterface.fingerprint.description
        var stale = library
        let place = try #require(stale.range(of: Data(ours.utf8)))
        stale.replaceSubrange(place, with: Data((PluginInterface.marker + String(repeating: "9", count: 64)).utf8))
        try Self.place(stale, 101, in: folder, file: "stale")
        // 2: its own copy of the interface
        let naive = scratch.appending(path: "naive")
        try Self.write(naive)
        try NaiveBuild.compile(naive, into: url("copy.so"))
        try TestPlugins.manifest("acme.scheduler.copied").write(to: url("copy.json"), atomically: true, encoding: .utf8)
        // 3: a symbol that nobody has
        let missing = scratch.appending(path: "missing")
        try Self.write(missing, body: "gone()", extra: "@_silgen_name(\"$s9PluginAPI4GoneyyF\") func gone()")
        try Self.place(Self.build(missing), 103, in: folder, file: "symbol")
        // 4: no manifest to speak of
        try library.write(to: url("manifest.so"))
        try "{\"schema\": 1, \"id\": \"acme.schedule.x\"}".write(to: url("manifest.json"), atomically: true, encoding: .utf8)
        // 5: the id of another
        try Self.place(library, 0, in: folder, file: "same-id")
        // 6: two that replace each other
        for (publisher, other) in [("left", "right"), ("right", "left")] {
            try TestPlugins.place(
                publisher, in: folder,
                manifest: TestPlugins.manifest("\(publisher).scheduler.turn", replaces: "\(other).scheduler.turn"))
        }
        // 7: it provides more than it registers
        let undeclared = scratch.appending(path: "undeclared")
        let provides = [Self.name, "other"].map { "{\"kind\": \"scheduler\", \"name\": \"\($0)\"}" }
        try Self.write(undeclared, provides: provides)
        try Self.place(Self.build(undeclared), 107, in: folder, file: "undeclared", provides: provides)
        // 8: another kind of processor
        try Self.place(library, 108, in: folder, file: "machine")
        try Self.patch(url("machine.so"), at: 18, 243)
        // 9: half of it
        try Self.place(library, 109, in: folder, file: "short")
        try Data(contentsOf: url("short.so")).prefix(library.count / 2).write(to: url("short.so"))
        // 10: everyone's to write
        try Self.place(library, 110, in: folder, file: "open")
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: url("open.so").path)
        return [
            "stale.so": ["stale.so was built for interface 9999", "rebuild: forktail plugins build "],
            "copy.so": ["contains its own copy of PluginAPI", "build it with forktail plugins build"],
            "symbol.so": ["needs 'PluginAPI.Gone() -> ()', which this forktail does not have", "rebuild: "],
            "manifest.so": ["id: unknown kind 'schedule'; did you mean 'scheduler'?", "version: is missing", "Docs/plugins.md lists its keys"],
            "same-id.so": ["two plugins have the id acme.scheduler.schedule-numbered-000", "remove one of them"],
            "left.so": ["replace each other in a circle: left.scheduler.turn -> right.scheduler.turn -> left.scheduler.turn", "plugins.block"],
            "right.so": ["replace each other in a circle", "plugins.block"],
            "undeclared.so": ["does not register scheduler 'other', which its manifest provides", "make 'provides' in plugin.json"],
            "machine.so": ["it was built for risc-v, this machine is ", "rebuild: "],
            "short.so": ["it is cut short: its header speaks of ", "rebuild: "],
            "open.so": ["can be written by every user", "chmod o-w "],
        ]
    }

    @Test func `a damaged header never reaches the loader`() throws {
        try TestPlugins.withFolder { scratch in
            try Self.write(scratch.appending(path: "plain"))
            let library = try Self.build(scratch.appending(path: "plain"))
            var random = SystemRandomNumberGenerator()
            for trial in 0..<200 {
                let folder = scratch.appending(path: "trial\(trial)")
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                try Self.place(library, 1, in: folder)
                let file = folder.appending(path: "good1.so")
                let kept = Int.random(in: 0..<library.count - 1, using: &random)
                try library.prefix(kept).write(to: file)
                let states = RegistryBuilder.rows(of: TestPlugins.catalog([], path: folder.path)).map { "\($0.state)" }
                #expect(states == ["error: cannot be loaded"], "the first \(kept) of \(library.count) bytes")
            }
        }
    }
}
