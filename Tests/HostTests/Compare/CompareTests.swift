import Foundation
import Host
import JSON
import Testing

/// `forktail compare`.
@Suite struct CompareTests {
    @Test(
        "quantiles of Student's t are those of the tables",
        arguments: [
            (1.0, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622), (30, 2.0423), (120, 1.9799), (1e5, 1.9600),
        ])
    func quantiles(degrees: Double, expected: Double) {
        #expect(abs(StudentT.quantile(0.95, degrees: degrees) - expected) < 2e-4)
    }

    @Test func `a mean has its interval, a single run has none`() throws {
        // 1, 2, 3: mean 2, standard error 1/sqrt(3), t 4.3027.
        let estimate = Estimate([1, 2, 3])
        #expect(estimate.mean == 2)
        #expect(abs(try #require(estimate.margin) - 4.3027 / 3.0.squareRoot()) < 1e-3)
        #expect(Estimate([7]).margin == nil)
        // Welch: errors 1/3 and 4/3, degrees (5/3)^2 / ((1/9 + 16/9) / 2) = 2.941, t 3.2186.
        let gap = Estimate([3, 5, 7]).difference(from: estimate)
        #expect(gap.mean == 3)
        #expect(abs(try #require(gap.margin) - 3.2186 * (5.0 / 3).squareRoot()) < 2e-3)
        #expect(Estimate([5]).difference(from: estimate).margin == nil)
    }

    /// A run's directory with `steps` steps whose loss falls from `loss` by 0.01 each.
    private func run(
        _ scratch: Scratch, _ name: String, trainer: String, seed: Int, loss: Double, steps: Int = 20, reward: Double? = nil
    ) throws -> String {
        try scratch.write(
            "\(name)/recipe.yaml", "name: \(name)\nseed: \(seed)\ntrainer: {name: \(trainer)}\nplugins: {paths: [\(name).so]}\n")
        try scratch.write("\(name)/plugins.lock.json", "{\"format\": 1, \"plugins\": []}\n")
        let lines = (1...steps).map { step in
            let extra = reward.map { ", \"reward\": \($0)" } ?? ""
            return "{\"step\": \(step), \"loss\": \(loss - 0.01 * Double(step)), \"tokens\": 100, \"seconds\": 0.5, "
                + "\"tokens_per_second\": 200\(extra)}\n"
        }
        try scratch.write("\(name)/metrics.jsonl", lines.joined())
        return scratch.path(name)
    }

    private func sixRuns(_ scratch: Scratch) throws -> [String] {
        try zip([1, 2, 3], [0.0, 0.02, -0.02]).flatMap { seed, shift in
            [
                try run(scratch, "old\(seed)", trainer: "core.trainer.dpo", seed: seed, loss: 2 + shift),
                try run(scratch, "new\(seed)", trainer: "acme.trainer.dpo", seed: seed, loss: 1 + shift, reward: 0.5),
            ]
        }
    }

    @Test func `runs that differ in their seed alone are one group`() throws {
        let scratch = try Scratch()
        let outcome = try Executable.run(["compare"] + sixRuns(scratch))
        // The last tenth of 20 steps is steps 19 and 20: 2 - 0.195. Margins: 4.3027 * 0.02 / sqrt(3) = 0.0497.
        #expect(
            outcome.output == """
                A  trainer.name=core.trainer.dpo  (3 runs)
                B  trainer.name=acme.trainer.dpo  (3 runs)

                METRIC             A               B               B - A
                loss               1.805 +- 0.050  0.805 +- 0.050  -1.000 +- 0.045 *
                reward             -               0.5000          -
                tokens_per_second  200.0           200.0           +0.0000

                """)
        #expect(outcome.status == 0)
        #expect(outcome.diagnostics.isEmpty)
    }

    @Test func `the figures as JSON, and a picture`() throws {
        let scratch = try Scratch()
        let svg = scratch.path("plot.svg")
        let outcome = try Executable.run(["compare", "--json", "--metric", "loss", "--svg", svg] + sixRuns(scratch))
        let json = try JSONValue(parsing: outcome.output)
        let groups = try #require(json["groups"]?.array)
        #expect(groups.map { $0["label"]?.string } == ["trainer.name=core.trainer.dpo", "trainer.name=acme.trainer.dpo"])
        #expect(groups[0]["seeds"]?.array?.map(\.integer) == [1, 2, 3])
        #expect(groups[0]["metrics"]?["loss"]?["values"]?.doubles.count == 3)
        let gap = try #require(json["differences"]?.array?.first?["metrics"]?["loss"])
        #expect(abs(try #require(gap["mean"]?.double) + 1) < 1e-12)
        let picture = try String(contentsOfFile: svg, encoding: .utf8)
        let parser = XMLChecker()
        #expect(parser.parses(picture))
        // One plot, two lines with their bands, twenty points each.
        let lines = picture.split(separator: "\n").filter { $0.hasPrefix("<polyline") }
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.filter { $0 == "," }.count == 20 })
        #expect(picture.split(separator: "\n").filter { $0.hasPrefix("<polygon") }.count == 2)
    }

    @Test func `one run alone, and runs of one seed, say what their figures cannot`() throws {
        let scratch = try Scratch()
        let paths = [
            try run(scratch, "one", trainer: "dpo", seed: 1, loss: 2),
            try run(scratch, "two", trainer: "kto", seed: 1, loss: 2),
            try run(scratch, "again", trainer: "kto", seed: 1, loss: 2.1, steps: 10),
        ]
        let outcome = try Executable.run(["compare"] + paths)
        #expect(
            outcome.diagnostics == """
                note: trainer.name=dpo: one run, so no interval; train it with other seeds
                note: trainer.name=kto: runs with the same seed count as separate ones, and narrow the interval
                note: trainer.name=kto: its runs have different numbers of steps

                """)
    }

    @Test func `the line that a run is writing is left out, other damage is named`() throws {
        let scratch = try Scratch()
        let path = try run(scratch, "live", trainer: "dpo", seed: 1, loss: 2)
        let whole = try scratch.text("live/metrics.jsonl")
        try scratch.write("live/metrics.jsonl", whole + "{\"step\": 21, \"lo")
        #expect(try Executable.run("compare", path).status == 0)
        try scratch.write("live/metrics.jsonl", "nonsense\n" + whole + "[1]\n")
        let damaged = try Executable.run("compare", path, scratch.path("nowhere"))
        #expect(damaged.status == 2)
        #expect(
            damaged.error?.replacingOccurrences(of: scratch.root + "/", with: "") == """
                live/metrics.jsonl:1: is not JSON: expected a JSON value at byte 0
                live/metrics.jsonl:22: found [1], expected an object with a step
                nowhere: is no directory of a run: it has no metrics.jsonl
                    fix: give the directory of a run, e.g. runs/NAME
                """)
        let unknown = try Executable.run("compare", "--metric", "los", try run(scratch, "fine", trainer: "dpo", seed: 1, loss: 2))
        #expect(unknown.error == "--metric: no run has 'los'\n    fix: --metric loss")
    }
}

/// Whether a text is well-formed as far as elements go: what is opened is closed in order.
private struct XMLChecker {
    func parses(_ text: String) -> Bool {
        var open: [Substring] = []
        for match in text.matches(of: /<(\/?)([a-z]+)(?:\s[^<>]*?)?(\/?)>/) {
            if match.1 == "/" {
                guard open.popLast() == match.2 else { return false }
            } else if match.3.isEmpty {
                open.append(match.2)
            }
        }
        return open.isEmpty && !text.contains("nan") && !text.contains("inf")
    }
}
