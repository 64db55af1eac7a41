import DataLoader
import PluginAPI
import RewardEndsWith
import RewardExactMatch
import RewardFormat
import RewardLength
import Testing

@Suite struct RewardTests {
    private func completion(_ text: String, ids: [Int32] = [1], isFinished: Bool = true) -> Completion {
        Completion(ids: ids, text: text, isFinished: isFinished)
    }

    @Test(arguments: [
        (" 42", 1.0), ("42.", 1), ("  42 .", 0), ("\n42\n", 1), ("4 2", 0), ("43", 0), ("", 0), ("42..", 0),
    ])
    func `exact match ignores white space at the ends and one full stop`(text: String, expected: Double) throws {
        let reward = ExactMatch(.template)
        #expect(try reward.score(completion(text), for: sample(#"{"answer": "42"}"#)) == expected)
        #expect(try reward.score(completion(text), for: sample(#"{"answer": 42}"#)) == expected)
    }

    @Test func `exact match takes runs of white space for one space, and case as it is told`() throws {
        let line = try sample(#"{"reply": "New  York"}"#)
        let strict = ExactMatch(try settings(ExactMatch.Config.self, #"{"column": "reply"}"#))
        #expect(try strict.score(completion("New\tYork"), for: line) == 1)
        #expect(try strict.score(completion("new york"), for: line) == 0)
        let loose = ExactMatch(try settings(ExactMatch.Config.self, #"{"column": "reply", "ignore_case": true}"#))
        #expect(try loose.score(completion("new york"), for: line) == 1)
    }

    @Test func `exact match without its column names those there are`() throws {
        let error = #expect(throws: SampleError.self) {
            try ExactMatch(.template).score(completion("1"), for: sample(#"{"prompt": "x"}"#))
        }
        #expect(
            error?.description
                == "cannot read column \"answer\" of sample test.jsonl:1: there is no such column; it has prompt")
    }

    @Test(arguments: [(" 42.", 1.0), ("42. \n", 1), ("42", 0), ("", 0), (".4", 0)])
    func `ends with looks past white space only`(text: String, expected: Double) throws {
        #expect(try EndsWith(.template).score(completion(text), for: sample("{}")) == expected)
    }

    @Test(arguments: [(1, 0.5), (2, 1.0), (4, 1.0), (5, 0.5), (6, 0)])
    func `length falls over its margin`(count: Int, expected: Double) throws {
        let reward = try Length(settings(Length.Config.self, #"{"min": 2, "max": 4, "margin": 1}"#))
        let ids = [Int32](repeating: 1, count: count)
        #expect(try reward.score(completion("", ids: ids), for: sample("{}")) == expected)
    }

    @Test func `format must match the whole completion`() throws {
        let reward = try Format(settings(Format.Config.self, #"{"pattern": "<think>.*</think>\\d+|none"}"#))
        #expect(try reward.score(completion(" <think>a\nb</think>7\n"), for: sample("{}")) == 1)
        #expect(try reward.score(completion("<think>a</think>7 apples"), for: sample("{}")) == 0)
        #expect(try reward.score(completion("none at all"), for: sample("{}")) == 0)
    }

    @Test func `a pattern that is none is refused`() {
        #expect(throws: InputError.self) { try Format(settings(Format.Config.self, #"{"pattern": "("}"#)) }
    }
}
