import JSON
import PluginAPI
import TaskArithmetic
import Testing

@Suite struct TaskTests {
    private let task = Arithmetic(NoConfig())

    private func prompts(_ split: TaskSplit, count: Int, seed: UInt64) throws -> [String] {
        try task.lines(split, count: count, seed: seed).map {
            try #require(try JSONValue(parsing: $0)["prompt"]?.string)
        }
    }

    @Test func `splits are disjoint whatever the seeds, and together they are every problem`() throws {
        let train = Set(try prompts(.train, count: 20000, seed: 1))
        let heldOut = Set(try prompts(.heldOut, count: 20000, seed: 2))
        #expect(train.isDisjoint(with: heldOut))
        #expect(train.count + heldOut.count == 15050)
        #expect((1600...2200).contains(heldOut.count))
        #expect(train == Set(try prompts(.train, count: 20000, seed: 3)))
    }

    @Test func `lines are a function of split and seed, and a longer list begins with the shorter`() {
        let lines = task.lines(.train, count: 50, seed: 7)
        #expect(task.lines(.train, count: 20, seed: 7) == Array(lines.prefix(20)))
        #expect(task.lines(.train, count: 50, seed: 8) != lines)
    }

    @Test func `no problem comes twice before every problem came once`() throws {
        let heldOut = try prompts(.heldOut, count: 1000, seed: 4)
        #expect(Set(heldOut).count == 1000)
    }

    @Test func `answers are right, and about half of the completions end with a full stop`() throws {
        var stops = 0
        for line in task.lines(.train, count: 2000, seed: 5) {
            let value = try JSONValue(parsing: line)
            let words = try #require(value["prompt"]?.string).split(separator: " ").map(String.init)
            let (left, right) = (try #require(Int(words[0])), try #require(Int(words[2])))
            #expect((0...99).contains(left) && (0...99).contains(right) && words[3] == "is")
            let answer = words[1] == "plus" ? left + right : left - right
            #expect(answer >= 0)
            #expect(value["answer"]?.string == String(answer))
            let completion = try #require(value["completion"]?.string)
            #expect(completion == " \(answer)" || completion == " \(answer).")
            #expect(value["text"]?.string == (value["prompt"]?.string ?? "") + completion)
            stops += completion.hasSuffix(".") ? 1 : 0
        }
        #expect((900...1100).contains(stops))
    }
}
