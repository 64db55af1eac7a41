import Foundation
import Host
import JSON
import PluginAPI
import Testing

/// What the plugins commands print and write.
@Suite struct PluginCommandTests {
    private let core = TestPlugins.flat("core.scheduler.flat", version: "0.3.1")
    private let fork = TestPlugins.flat("acme.scheduler.flat", version: "0.4.0", replaces: "core.scheduler.flat")

    @Test func `the list as a table and as JSON`() throws {
        let catalog = TestPlugins.catalog([core, fork])
        #expect(
            PluginListing(catalog, kind: .scheduler).text == """
                KIND       NAME  ID                   VERSION  SOURCE    STATE
                scheduler  flat  acme.scheduler.flat  0.4.0    built in  active, replaces core.scheduler.flat
                scheduler  flat  core.scheduler.flat  0.3.1    built in  replaced
                """)
        #expect(
            PluginListing(catalog, kind: .scheduler).json == """
                [
                  {"kind": "scheduler", "name": "flat", "id": "acme.scheduler.flat", "version": "0.4.0", "source": "built in", \
                "state": "active", "replaces": "core.scheduler.flat", "error": null},
                  {"kind": "scheduler", "name": "flat", "id": "core.scheduler.flat", "version": "0.3.1", "source": "built in", \
                "state": "replaced", "replaces": null, "error": null}
                ]
                """)
        #expect(PluginListing(catalog, kind: .adapter).text.hasSuffix("adapter  -     -   -        -       reserved"))
    }

    @Test func `explain says why a name means what it means`() throws {
        #expect(
            try PluginReport(TestPlugins.catalog([core, fork])).explain(.scheduler, "flat") == """
                scheduler 'flat' is acme.scheduler.flat 0.4.0 (built in): it replaces the others
                replaces: acme.scheduler.flat -> core.scheduler.flat
                  acme.scheduler.flat (built in): active, replaces core.scheduler.flat
                  core.scheduler.flat (built in): replaced
                """)
    }

    @Test func `info shows the manifest and the settings`() throws {
        #expect(
            try PluginReport(TestPlugins.catalog([core])).info("core.scheduler.flat") == """
                core.scheduler.flat 0.3.1
                a test

                license   Apache-2.0
                source    built in
                api       0.1

                scheduler flat
                  state   active
                  no settings
                """)
    }

    @Test(arguments: PluginKind.allCases.filter { !$0.isReserved })
    func `a new plugin compiles and loads`(kind: PluginKind) throws {
        try TestPlugins.withFolder { folder in
            let place = folder.appending(path: "plugin")
            try PluginScaffold(kind, "acme.\(kind.rawValue).my-first").write(to: place)
            #expect(try PluginValidation.run(place, shown: "plugin", compiled: []).contains("the manifest is valid"))
            let built = try PluginBuilder().build(place)
            let said = try PluginValidation.run(built.library, shown: "acme.so", compiled: [])
            #expect(said.contains("loads and registers \(kind.rawValue) my-first"))
        }
    }

    @Test func `a reserved kind cannot be started`() {
        #expect(throws: PluginError.self) { try PluginScaffold(.adapter, "acme.adapter.lora") }
        #expect(throws: PluginError.self) { try PluginScaffold(.reward, "acme.trainer.lora") }
        #expect(throws: PluginError.self) { try PluginScaffold(.reward, "core.reward.lora") }
    }
}
