import Foundation
import Host
import JSON
import Testing

/// How recipes are read, overridden and written back.
@Suite struct RecipeTests {
    @Test(
        "plain scalars are what they look like, quoted ones are text",
        arguments: [
            ("1", JSONValue.integer(1)), ("-3", .integer(-3)), ("1e-3", .double(1e-3)), ("1.0e-8", .double(1e-8)),
            ("0.95", .double(0.95)), ("5E4", .double(5e4)), ("true", .bool(true)), ("false", .bool(false)),
            ("null", .null),
            ("~", .null), ("", .null), ("yes", .string("yes")), ("1.2.3", .string("1.2.3")), ("-", .string("-")),
            ("e", .string("e")), ("8bit", .string("8bit")), ("float32", .string("float32")), ("'1'", .string("1")),
            ("\"true\"", .string("true")), ("a b", .string("a b")),
            ("[1, two, 3.5]", .array([.integer(1), .string("two"), .double(3.5)])),
            ("{a: 1, b: {c: x}}", .object([.init("a", .integer(1)), .init("b", .object([.init("c", .string("x"))]))])),
        ])
    func scalars(text: String, expected: JSONValue) throws {
        let value = try RecipeFile.parse("key: \(text)", name: "test")["key"]
        #expect(value == expected)
        #expect(try RecipeFile.apply(["key=\(text)"], to: .object([]))["key"] == expected)
    }

    @Test("overrides replace, add and create what is missing on their way")
    func overrides() throws {
        let recipe = try RecipeFile.parse("a: {b: 1, c: [1, 2]}\nd: x\n", name: "test")
        func with(_ overrides: String...) throws -> String { try RecipeFile.apply(overrides, to: recipe).text }
        #expect(try with() == #"{"a": {"b": 1, "c": [1, 2]}, "d": "x"}"#.compacted)
        #expect(try with("a.b=2") == #"{"a": {"b": 2, "c": [1, 2]}, "d": "x"}"#.compacted)
        #expect(try with("a.e.f=g=h") == #"{"a": {"b": 1, "c": [1, 2], "e": {"f": "g=h"}}, "d": "x"}"#.compacted)
        #expect(try with("d.e=1") == #"{"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}}"#.compacted)
        #expect(try with("a={b: 5}", "a.z=[]") == #"{"a": {"b": 5, "z": []}, "d": "x"}"#.compacted)
        #expect(try with("d=") == #"{"a": {"b": 1, "c": [1, 2]}, "d": null}"#.compacted)
    }

    @Test("what is no setting is refused", arguments: ["steps", "=3", ""])
    func noSetting(text: String) {
        #expect {
            try RecipeFile.apply([text], to: .object([]))
        } throws: {
            "\($0)" == "\(text): is no setting, expected key.path=value\n    fix: steps=100 optimizer.lr=1e-3"
        }
    }

    @Test("a recipe that is written reads back equal, whatever its texts look like")
    func roundTrip() throws {
        let texts = [
            "1", "true", "null", "~", "", "1e3", "a: b", "# c", "- d", " e ", "f\ng", "'h'", "\"i\"", "[j]", "*", "&k",
            "é",
        ]
        let value = JSONValue.object(
            [
                .init("texts", .array(texts.map(JSONValue.string))), .init("empty", .object([])),
                .init("none", .array([])),
                .init("nested", .object([.init("a", .object([.init("b", .double(1e-8)), .init("c", .bool(false))]))])),
                .init("rules", .array([.object([.init("match", .string("*.bias")), .init("lr", .double(0.1))])])),
                .init("large", .integer(1 << 53)), .init("tiny", .double(5e-324)), .init("whole", .double(3)),
                .init("nothing", .null),
            ] + texts.enumerated().map { .init("text\($0.offset)", .string($0.element)) })
        #expect(try RecipeFile.parse(RecipeFile.text(value), name: "test") == value)
    }

    @Test("the recipe of a run directory holds every default and makes the same run again")
    func resolved() throws {
        let bench = try TrainBench()
        #expect(try bench.train("steps=3", "model.freeze=['*norm*']").status == 0)
        let written = bench.scratch.path("run/recipe.yaml")
        let value = try RecipeFile.parse(String(contentsOfFile: written, encoding: .utf8), name: written)
        #expect(value["optimizer"]?["betas"]?.doubles == [0.9, 0.999])
        #expect(value["model"]?["freeze"]?.array == [.string("*norm*")])
        #expect(value["checkpoint"]?["keep"]?.integer == 3)
        #expect(value["trainer"]?["append_eos"]?.bool == true)
        let again = try Executable.run("train", written, "--run-dir", bench.scratch.path("again"))
        #expect(again.status == 0, "\(again.diagnostics)")
        #expect(try bench.scratch.data("again/recipe.yaml") == bench.scratch.data("run/recipe.yaml"))
        #expect(
            try bench.scratch.data("again/final/model.safetensors") == bench.scratch.data("run/final/model.safetensors")
        )
    }
}

extension String {
    /// The JSON text as `JSONValue` writes it.
    fileprivate var compacted: String { (try? JSONValue(parsing: self).text) ?? self }
}
