import Foundation
import Host
import JSON
import Testing

/// A strategy that lives outside of forktail, built as anyone would build one.
@Suite struct OwnStrategyTests {
    /// Built once for all tests.
    private static let folder = Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "forktail-tests-\(UUID().uuidString)")
        _ = try PluginBuilder().build(
            TestPlugins.root.appending(path: "Examples/Plugins/GatherContext"), output: folder.appending(path: "gather.so"))
        return folder.path
    }

    private func plugins() throws -> String { "plugins={paths: [\(try Self.folder.get())]}" }

    @Test(arguments: [
        (LayoutBench.Form.tied, "context=2:gather", "none"), (.tied, "data=2:zero3,context=3:gather", "selective"),
        (.gpt2, "context=2:gather,tensor=2:sequence", "block"), (.tied, "pipeline=2:zb-v,context=2:gather", "none"),
    ])
    func `it equals one rank, beside every other strategy`(form: LayoutBench.Form, mesh: String, checkpointing: String) throws {
        let bench = try LayoutBench(form)
        let outcome = try Executable.run(
            "parallel", "verify", bench.recipe, try plugins(), "--mesh", mesh, "--steps", "3",
            "activations.checkpoint=\(checkpointing)")
        #expect(outcome.status == 0, "\(outcome.output) \(outcome.diagnostics)")
    }

    @Test func `documents and windows are those of one rank`() throws {
        let bench = try LayoutBench()
        let window = LayoutBench.Form.tied.config.replacing("model_type: llama", with: "model_type: mistral, sliding_window: 5")
        for settings in [["sequence.pack=true", "sequence.length=27"], ["model.config=\(window)"]] {
            let outcome = try Executable.run(
                ["parallel", "verify", bench.recipe, try plugins(), "--mesh", "context=3:gather", "--steps", "2"] + settings)
            #expect(outcome.status == 0, "\(settings) \(outcome.output) \(outcome.diagnostics)")
        }
    }

    @Test func `processes of their own train with it`() throws {
        let bench = try LayoutBench()
        #expect(try bench.train("whole").status == 0)
        let run = try bench.train("run", ranks: 2, layout: "{context: {size: 2, strategy: gather}}", try plugins())
        #expect(run.status == 0, "\(run.diagnostics)")
        #expect(largestDifference(try bench.figures("run"), try bench.figures("whole")) <= 1e-9)
    }

    @Test func `plans look at it, with what it says of its traffic`() throws {
        let bench = try LayoutBench()
        let outcome = try Executable.run(
            "parallel", "plan", bench.recipe, try plugins(), "--ranks", "2", "--memory", "1TiB", "--json")
        let layouts = try JSONValue(parsing: outcome.output)["layouts"]?.array ?? []
        func sent(_ mesh: String) -> Int? {
            layouts.first { $0["mesh"]?.string == mesh }?["sent_bytes"]?["context"]?.integer
        }
        let (gather, ring) = (try #require(sent("context=2:gather")), try #require(sent("context=2:ring")))
        // 4 layers, 4 micro-batches of 2 rows of which a rank has 8 tokens, keys of 2 heads of 4: a third of a ring's
        // 3 x 2 numbers is not sent, in float64.
        #expect(ring - gather == 4 * 4 * 2 * 8 * 2 * 8 * 8)
    }

    @Test func `without the plugin its name is not known`() throws {
        let bench = try LayoutBench()
        let outcome = try Executable.run("parallel", "verify", bench.recipe, "--mesh", "context=2:gather")
        #expect(outcome.status == 2 && outcome.error?.contains("no parallelism named 'gather'") == true)
    }
}
