import Foundation
import Host
import JSON
import PluginAPI
import Testing

@Suite("data make")
struct DataMakeTests {
    let work: DataWorkspace

    init() throws { work = try DataWorkspace() }

    private func lines(_ name: String) throws -> [String] {
        try String(contentsOfFile: work.path(name), encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test("a task writes as many lines as asked, the same for the same seed")
    func makes() throws {
        let said = try work.data("make", "arithmetic", "--count", "300", "--seed", "5", "--output", work.path("a.jsonl"))
        #expect(said == ["wrote 300 lines to \(work.path("a.jsonl"))"])
        _ = try work.data("make", "arithmetic", "--count", "300", "--seed", "5", "--output", work.path("b.jsonl"))
        _ = try work.data("make", "arithmetic", "--count", "300", "--seed", "6", "--output", work.path("c.jsonl"))
        #expect(try lines("a.jsonl").count == 300)
        #expect(try lines("a.jsonl") == lines("b.jsonl"))
        #expect(try lines("a.jsonl") != lines("c.jsonl"))
    }

    @Test("the splits are disjoint whatever the seed")
    func splits() throws {
        _ = try work.data("make", "arithmetic", "--count", "5000", "--seed", "1", "--output", work.path("train.jsonl"))
        _ = try work.data(
            "make", "arithmetic", "--split", "held-out", "--seed", "2", "--output", work.path("held.jsonl"))
        func prompts(_ name: String) throws -> [String] {
            try lines(name).map { try #require(try JSONValue(parsing: $0)["prompt"]?.string) }
        }
        #expect(try prompts("held.jsonl").count == 500)
        #expect(try Set(prompts("train.jsonl")).isDisjoint(with: prompts("held.jsonl")))
    }

    @Test("a wrong name, split and count are said at once, and nothing is written")
    func wrong() throws {
        let error = #expect(throws: InputError.self) {
            try work.data("make", "arithmetics", "--split", "test", "--count", "0", "--output", work.path("a.jsonl"))
        }
        #expect(error?.problems.map(\.place) == ["--split", "--count", "task"])
        #expect(error?.problems.last?.message.hasPrefix("found 'arithmetics'; did you mean 'arithmetic'? known: ") == true)
        #expect(!work.exists("a.jsonl"))
    }
}
