import Foundation
import JSON
import Testing

/// Runs name the libraries that take their matrix products, and do not go on with others unasked.
@Suite struct ProductDriftTests {
    let bench: TrainBench

    init() throws { bench = try TrainBench() }

    private func table(_ name: String, _ rows: String) throws -> String {
        try bench.scratch.write(name, "{\"format\": 1, \"rows\": [\(rows)]}")
    }

    private func train(_ steps: Int, _ products: String, _ flags: String...) throws -> Executable.Outcome {
        try Executable.run(
            bench.arguments(["steps=\(steps)", "checkpoint={every: 2}"]) + flags,
            environment: ["FORKTAIL_PRODUCTS": products])
    }

    @Test func `a run goes on under a table that names the same libraries, and under another only when told to`() throws {
        let plain = try table("plain.json", "{\"processor\": \"*\", \"library\": \"plain\"}")
        let same = try table(
            "same.json",
            "{\"processor\": \"nowhere\", \"library\": \"onednn\"}, {\"processor\": \"*\", \"type\": \"float32\", "
                + "\"library\": \"plain\"}, {\"processor\": \"*\", \"library\": \"plain\"}")
        let first = try train(2, plain)
        #expect(first.status == 0, "\(first.diagnostics)")
        let environment = try JSONValue(
            parsing: String(contentsOfFile: bench.scratch.path("run/environment.json"), encoding: .utf8))
        #expect(environment["products"]?["table"]?.string == plain)
        #expect(environment["products"]?["digest"]?.string?.count == 16)
        #expect(environment["products"]?["libraries"]?["float32 large"]?.string == "plain")
        #expect(try train(4, same).status == 0)

        let other = try table(
            "other.json",
            "{\"processor\": \"*\", \"type\": \"float32\", \"class\": \"large\", \"library\": \"openblas\"}, "
                + "{\"processor\": \"*\", \"library\": \"plain\"}")
        let refused = try train(6, other)
        #expect(refused.status == 2)
        let error = refused.error ?? ""
        #expect(
            error.hasPrefix(
                "resume: other libraries take matrix products, so last bits would differ: float32 large: was plain, now "
                    + "openblas "))
        #expect(error.hasSuffix("\n    fix: --accept-product-drift"))
        let accepted = try train(6, other, "--accept-product-drift")
        #expect(accepted.status == 0)
        #expect(accepted.diagnostics.contains("note: product drift accepted: float32 large: was plain, now openblas"))
    }

    @Test func `a table that cannot be used ends the command with all that is wrong with it`() throws {
        let path = try table("bad.json", "{\"processor\": \"*\", \"library\": \"mkl\"}, {\"library\": \"plain\"}")
        let outcome = try train(2, path)
        #expect(outcome.status == 2)
        let fix = "\n    fix: mend or remove it (forktail bench kernels --tune writes a new one), or set FORKTAIL_PRODUCTS=built-in"
        #expect(
            outcome.error == "\(path): rows[0].library: found 'mkl', expected panels | openblas | onednn | plain\(fix)\n"
                + "\(path): rows[1].processor: found nothing, expected a processor's name, or a pattern such as '*'\(fix)")
        #expect(try train(2, bench.scratch.path("absent.json")).error?.contains("No such file") == true)
    }

    @Test func `doctor names the table, its digest and the libraries`() throws {
        let path = try table("plain.json", "{\"processor\": \"*\", \"library\": \"plain\"}")
        let outcome = try Executable.run(["doctor", "--json"], environment: ["FORKTAIL_PRODUCTS": path])
        let findings = try JSONValue(parsing: outcome.output).array ?? []
        let found = findings.first { $0["name"]?.string == "product table" }?["found"]?.string ?? ""
        #expect(found.hasPrefix("\(path), digest "))
        #expect(found.contains("; float32 few-rows: plain; "))
        #expect(Set(["panels", "openblas", "onednn"]).isSubset(of: findings.compactMap { $0["name"]?.string }))
    }
}
