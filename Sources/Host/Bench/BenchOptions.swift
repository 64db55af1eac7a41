import ArgumentParser
import Core
import Foundation
import JSON
import PluginAPI

/// What every benchmark has on the command line.
struct BenchOptions: ParsableArguments {
    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: "A file written by --save: every figure is divided by the one of the same name in it.")
    var baseline: String?

    @Option(help: "Write the figures as JSON.")
    var save: String?

    /// Reads the baseline and looks at where figures will be written, before minutes are spent on measuring.
    /// - Throws: `InputError` with both problems.
    func check(_ benchmark: String) throws -> BenchBaseline? {
        var problems: [InputProblem] = []
        var known: BenchBaseline?
        do {
            known = try baseline.map { try BenchBaseline(file: $0, benchmark: benchmark) }
        } catch let error as InputError {
            problems += error.problems
        }
        let folder = save.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path }
        if let folder, !FileManager.default.fileExists(atPath: folder) {
            problems.append(InputProblem("--save", "there is no directory \(folder)", fix: "mkdir -p \(folder)"))
        }
        if !problems.isEmpty { throw InputError(problems) }
        return known
    }

    /// Prints the report, with ratios where there is a baseline, and saves it where asked.
    func publish(_ report: BenchReport, comparedWith baseline: BenchBaseline?) throws {
        for note in baseline?.differences(from: report) ?? [] { StandardError.write("note: \(note)") }
        print(json ? report.json(baseline).text : report.text(baseline))
        if let save { try AtomicFile.write(Data((report.json(nil).text + "\n").utf8), to: save) }
    }
}
