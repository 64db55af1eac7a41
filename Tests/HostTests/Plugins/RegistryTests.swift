import Core
import Foundation
import Host
import JSON
import PluginAPI
import Testing

/// Who wins a name, and what is said when nobody can.
@Suite struct RegistryTests {
    private let core = TestPlugins.flat("core.scheduler.flat", version: "0.3.1")
    private let fork = TestPlugins.flat("acme.scheduler.flat", version: "0.4.0", replaces: "core.scheduler.flat")

    private func build(_ compiled: [CompiledPlugin], _ settings: PluginSettings = PluginSettings()) throws -> Registry {
        try RegistryBuilder(TestPlugins.catalog(compiled, settings)).build()
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func `a single candidate wins its name`() throws {
        let provider = try build([core]).scheduler("flat")
        #expect("\(provider.id)" == "core.scheduler.flat")
        #expect(try provider.make(.object([]), ScheduleHorizon(steps: 1, warmupSteps: 0)).factor(step: 0) == 1)
    }

    @Test func `an unknown name suggests the nearest one`() {
        #expect(
            message { _ = try build([core]).scheduler("flta") } == """
                no scheduler named 'flta'. did you mean 'flat'? (1 scheduler: forktail plugins list --kind scheduler)
                """)
    }

    @Test func `a compiled replacement wins and its parent stays within reach by id`() throws {
        let registry = try build([core, fork])
        #expect(try "\(registry.scheduler("flat").id)" == "acme.scheduler.flat")
        #expect(try "\(registry.scheduler("core.scheduler.flat").id)" == "core.scheduler.flat")
        #expect(
            registry.notices == [
                "scheduler flat: acme.scheduler.flat 0.4.0 (built in) replaces core.scheduler.flat 0.3.1"
            ])
        #expect(registry.rows.prefix(2).map { "\($0.state)" } == ["active, replaces core.scheduler.flat", "replaced"])
    }

    @Test func `a replacement of a replacement wins over both`() throws {
        let second = TestPlugins.flat("corp.scheduler.flat", replaces: "acme.scheduler.flat")
        #expect(try "\(build([second, core, fork]).scheduler("flat").id)" == "corp.scheduler.flat")
    }

    @Test func `two rivals are a conflict until one is chosen`() throws {
        let rival = TestPlugins.flat("acme.scheduler.flat", version: "0.4.0")
        #expect(
            message { _ = try build([core, rival]) } == """
                two plugins provide scheduler 'flat': core.scheduler.flat 0.3.1 (built in) and acme.scheduler.flat 0.4.0 \
                (built in). choose one: plugins.use = ["acme.scheduler.flat"]
                """)
        let registry = try build([core, rival], PluginSettings(use: ["core.scheduler.flat"]))
        #expect(try "\(registry.scheduler("flat").id)" == "core.scheduler.flat")
        #expect(try "\(registry.scheduler("acme.scheduler.flat").id)" == "acme.scheduler.flat")
    }

    @Test func `two forks of one parent are rivals`() {
        let other = TestPlugins.flat("corp.scheduler.flat", replaces: "core.scheduler.flat")
        #expect(message { _ = try build([core, fork, other]) }.hasPrefix("3 plugins provide scheduler 'flat': "))
    }

    @Test func `a file that replaces something waits until the user opts in`() throws {
        try TestPlugins.withFolder { folder in
            let manifest = TestPlugins.manifest("acme.scheduler.flat", replaces: "core.scheduler.flat")
            try TestPlugins.place("acme", in: folder, manifest: manifest)
            let catalog = TestPlugins.catalog([core], path: folder.path)
            #expect(RegistryBuilder.rows(of: catalog).prefix(2).map { "\($0.state)" } == ["active", "available"])
            let registry = try RegistryBuilder(catalog).build()
            #expect(try "\(registry.scheduler("flat").id)" == "core.scheduler.flat")
            #expect(
                message { _ = try registry.scheduler("acme.scheduler.flat") } == """
                    acme.scheduler.flat is available but not in use. opt in: plugins.use = ["acme.scheduler.flat"]
                    """)
            // Opted in, the file must load; it is none, and nothing takes its place.
            let used = TestPlugins.catalog([core], PluginSettings(use: ["acme.scheduler.flat"]), path: folder.path)
            #expect(message { _ = try RegistryBuilder(used).build() }.contains("acme.so cannot be loaded: "))
        }
    }

    @Test func `a circle of replacements is an error that names it`() {
        let first = TestPlugins.flat("acme.scheduler.flat", replaces: "corp.scheduler.flat")
        let second = TestPlugins.flat("corp.scheduler.flat", replaces: "acme.scheduler.flat")
        #expect(
            message { _ = try build([first, second]) } == """
                plugins replace each other in a circle: acme.scheduler.flat -> corp.scheduler.flat -> \
                acme.scheduler.flat. block one of them: plugins.block = ["acme.scheduler.flat"]
                """)
    }

    @Test func `replacing what does not exist is an error`() {
        let lost = TestPlugins.flat("acme.scheduler.flat", replaces: "cor.scheduler.flat")
        #expect(
            message { _ = try build([core, lost]) } == """
                acme.scheduler.flat replaces 'cor.scheduler.flat', which does not exist. did you mean \
                'core.scheduler.flat'?
                """)
    }

    @Test func `what is blocked is left out before anything is resolved`() throws {
        let registry = try build([core, fork], PluginSettings(block: ["acme.scheduler.flat"]))
        #expect(try "\(registry.scheduler("flat").id)" == "core.scheduler.flat")
        #expect(
            message { _ = try registry.scheduler("acme.scheduler.flat") }
                == "acme.scheduler.flat is blocked. take it out of plugins.block")
        #expect(
            message { _ = try build([core], PluginSettings(block: ["core.scheduler.flta"])) } == """
                plugins.block names 'core.scheduler.flta', but there is no such plugin. did you mean \
                'core.scheduler.flat'? (1 plugins: forktail plugins list)
                """)
    }

    @Test func `a blocked plugin that another requires is an error`() {
        let dependent = CompiledPlugin(
            manifest: TestPlugins.manifest(
                "acme.scheduler.wave", requires: "[{\"kind\": \"scheduler\", \"name\": \"flat\"}]"), FlatPlugin.self)
        #expect(
            message { _ = try build([core, dependent], PluginSettings(block: ["core.scheduler.flat"])) } == """
                core.scheduler.flat is blocked, but acme.scheduler.wave requires it. take it out of plugins.block, or \
                block acme.scheduler.wave too
                """)
        #expect(
            message { _ = try build([dependent]) }
                == "acme.scheduler.wave requires scheduler 'flat', which no plugin provides")
    }

    @Test func `an old name leads to the new one with a notice`() throws {
        let renamed = CompiledPlugin(
            manifest: TestPlugins.manifest(
                "core.scheduler.flat",
                provides: [#"{"kind": "scheduler", "name": "flat", "deprecated": ["level"]}"#]), FlatPlugin.self)
        let registry = try build([renamed])
        #expect(
            try registry.scheduler("level").notice
                == "scheduler 'level' is now called 'flat': write scheduler: {name: flat}")
        #expect(try registry.scheduler("flat").notice == nil)
    }

    @Test func `a plugin for another interface is refused`() {
        let newer = CompiledPlugin(
            manifest: TestPlugins.manifest(
                "acme.scheduler.flat", api: "2.0", extra: ", \"releases\": {\"0\": \"0.4.x\"}"), FlatPlugin.self)
        #expect(
            message { _ = try build([newer]) } == """
                acme.scheduler.flat needs PluginAPI 2.x; this forktail provides 0.1. last compatible release: 0.4.x
                """)
    }

    @Test func `what is registered must be what the manifest provides`() {
        let silent = CompiledPlugin(
            manifest: TestPlugins.manifest("acme.scheduler.wave"), FlatPlugin.self)
        #expect(
            message { _ = try build([silent]) } == """
                acme.scheduler.wave does not register scheduler 'wave', which its manifest provides and registers \
                scheduler 'flat', which its manifest does not provide. make 'provides' in plugin.json and register(in:) \
                agree
                """)
    }

    @Test func `a plugin that fails half-way registers nothing`() {
        let twice = CompiledPlugin(manifest: TestPlugins.manifest("acme.scheduler.flat"), TwicePlugin.self)
        #expect(
            message { _ = try build([twice]) }
                == "acme.scheduler.flat failed to register: scheduler 'flat': is registered twice by one plugin")
    }

    @Test func `two plugins of one id are a conflict`() {
        #expect(
            message { _ = try build([core, core]) } == """
                two plugins have the id core.scheduler.flat: built in and built in. remove one of them
                """)
    }

    @Test func `the earlier folder of the search path counts`() throws {
        try TestPlugins.withFolder { folder in
            let (one, two) = (folder.appending(path: "one"), folder.appending(path: "two"))
            for place in [one, two] {
                try TestPlugins.place("acme", in: place, manifest: TestPlugins.manifest("acme.scheduler.wave"))
            }
            let rows = RegistryBuilder.rows(of: TestPlugins.catalog([], path: "\(one.path):\(two.path)"))
            #expect(rows.map { "\($0.state)" } == ["active", "shadowed by \(one.path)/acme.so"])
        }
    }

    @Test func `a resumed run with other plugins is refused with every difference`() throws {
        let before = try build([core]).resolvedSet
        let now = try build([core, fork]).resolvedSet
        #expect(try PluginLock(before.json) == before)
        try before.check(resumedFrom: before)
        #expect(
            message { try now.check(resumedFrom: before) } == """
                the checkpoint was made with other plugins: acme.scheduler.flat 0.4.0 is new. go on with them: \
                --accept-plugin-drift
                """)
    }

    @Test func `ranks with other plugins than rank 0 are named`() throws {
        let (one, two) = (try build([core]).resolvedSet.digest, try build([core, fork]).resolvedSet.digest)
        try PluginLock.checkAgreement([one, one])
        #expect(
            message { try PluginLock.checkAgreement([one, two]) } == """
                rank 1 has other plugins than rank 0 (2 ranks). compare `forktail plugins list` on their machines
                """)
    }
}
