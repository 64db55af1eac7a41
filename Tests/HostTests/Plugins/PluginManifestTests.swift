import Foundation
import Host
import PluginAPI
import Testing

@Suite struct PluginManifestTests {
    private func message(_ text: String) -> String {
        do {
            _ = try PluginManifest(text, file: "acme.json")
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func `a manifest says everything that listings need`() throws {
        let manifest = try PluginManifest(
            TestPlugins.manifest("acme.trainer.grpo", version: "0.4.0-rc.1", replaces: "core.trainer.grpo"),
            file: "acme.json")
        #expect("\(manifest.id)" == "acme.trainer.grpo")
        #expect("\(manifest.version)" == "0.4.0-rc.1")
        #expect(manifest.provides.map { "\($0.id)" } == ["acme.trainer.grpo"])
        #expect(manifest.provides.first?.replaces.map { "\($0)" } == "core.trainer.grpo")
    }

    @Test func `every problem of a manifest is named at once`() {
        let text = """
            {"schema": 2, "id": "Acme.trainer.grpo", "version": "0.4", "api": "1", "sumary": "x", "license": "MIT",
             "principal": "A; B", "provides": [{"kind": "trainr", "name": "grpo"}]}
            """
        #expect(
            message(text) == """
                acme.json is not a valid manifest: sumary: unknown key; did you mean 'summary'?; schema: found 2, expected 1; \
                id: found 'Acme' in 'Acme.trainer.grpo', expected lower-case letters, digits, '-' and '_', a letter first; \
                version: found '0.4', expected a version such as "0.4.0"; api: found '1', expected major.minor, e.g. "0.1"; \
                summary: is missing; principal: found 'A; B', expected the name of a Swift type; \
                provides[0].kind: unknown kind 'trainr'; did you mean 'trainer'?. Docs/plugins.md lists its keys
                """)
    }

    @Test func `a reserved kind cannot be provided yet`() {
        #expect(
            message(TestPlugins.manifest("acme.adapter.lora")) == """
                acme.json is not a valid manifest: provides[0].kind: the kind 'adapter' is reserved: nothing can provide it \
                yet. Docs/plugins.md lists its keys
                """)
    }

    @Test func `a replacement has the kind and name of what it replaces`() {
        #expect(
            message(TestPlugins.manifest("acme.trainer.grpo", replaces: "core.trainer.sft")) == """
                acme.json is not a valid manifest: provides[0].replaces: found 'core.trainer.sft', expected something of \
                the same kind and name: publisher.trainer.grpo. Docs/plugins.md lists its keys
                """)
    }

    @Test(arguments: ["", "{", "[]", "{\"schema\": 1, \"schema\": 1}"])
    func `text that is no manifest is refused`(text: String) {
        #expect(message(text).hasPrefix("acme.json is not a valid manifest: "))
    }

    @Test func `versions and interface versions are read strictly`() {
        #expect(SemanticVersion("1.2.3").map { "\($0)" } == "1.2.3")
        for text in ["1.2", "1.2.3.4", "01.2.3", "1.2.x", "1.2.3-", "v1.2.3", "1.2.3-a..b"] {
            #expect(SemanticVersion(text) == nil, "\(text)")
        }
        let offered = InterfaceVersion(major: 1, minor: 3)
        #expect(InterfaceVersion("1.3")?.isMet(by: offered) == true)
        #expect(InterfaceVersion("1.4")?.isMet(by: offered) == false)
        #expect(InterfaceVersion("2.0")?.isMet(by: offered) == false)
    }
}
