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
    func `a new plugin compiles, and trains its first steps as its README says`(kind: PluginKind) throws {
        let scratch = try Scratch()
        let shell = "cd \"$1\" && shift && PATH=\"$(dirname \"$0\"):$PATH\" && eval \"$*\""
        let made = try Executable.shell(shell, [scratch.root, "forktail plugins new \(kind.rawValue) acme.\(kind.rawValue).my-first"])
        try #require(made.status == 0, "\(made.diagnostics)")
        #expect(made.output.hasPrefix("wrote MyFirst\nnext, in that folder:\n  forktail plugins build .\n"))
        // What a README indents is what a reader types; several ranks need a launcher, which the tests of ranks look for.
        let readme = try scratch.text("MyFirst/README.md")
        let commands = readme.split(separator: "\n").filter { $0.hasPrefix("    ") && !$0.contains("forktail launch") }
        #expect(commands.count >= (kind == .parallelism ? 2 : 3))
        for command in commands {
            let outcome = try Executable.shell(shell, [scratch.path("MyFirst"), String(command)])
            #expect(outcome.status == 0, "\(command): \(outcome.diagnostics)")
        }
        if kind != .parallelism {
            #expect(try JSONFile.lines(scratch.path("MyFirst/runs/first/metrics.jsonl")).count == 10)
        }
    }

    @Test func `a reserved kind cannot be started`() {
        #expect(throws: PluginError.self) { try PluginScaffold(.adapter, "acme.adapter.lora") }
        #expect(throws: PluginError.self) { try PluginScaffold(.reward, "acme.trainer.lora") }
        #expect(throws: PluginError.self) { try PluginScaffold(.reward, "core.reward.lora") }
    }
}
