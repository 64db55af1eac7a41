import Core
import Foundation
import JSON

/// The figures of one benchmark.
struct BenchReport {
    /// The benchmark's name, e.g. "train".
    let benchmark: String
    /// What was measured: figures compare when these are equal.
    var settings: [JSONValue.Member]
    /// Numbers, by names that end in their unit.
    var figures: [JSONValue.Member] = []
    /// How a figure is counted, by its name; printed beside it.
    var formulas: [String: String] = [:]
    /// Rows of numbers, by name.
    var rows: [Row] = []

    /// Several figures of one thing.
    struct Row {
        let name: String
        let figures: [JSONValue.Member]
    }

    init(_ benchmark: String, threads: Int, _ settings: [JSONValue.Member]) {
        self.benchmark = benchmark
        self.settings = [
            .init("processor", .string(Machine.processorName)), .init("threads", .integer(threads)),
        ] + settings
    }

    /// Adds a figure.
    mutating func add(_ name: String, _ value: Double, _ formula: String? = nil) {
        figures.append(.init(name, .double(value)))
        formulas[name] = formula
    }

    /// Adds a whole number.
    mutating func add(_ name: String, _ value: Int, _ formula: String? = nil) {
        figures.append(.init(name, .integer(value)))
        formulas[name] = formula
    }

    /// Every number with its path.
    var numbers: [(path: String, value: Double)] {
        func numbers(_ members: [JSONValue.Member], _ prefix: String) -> [(String, Double)] {
            members.compactMap { member in member.value.double.map { (prefix + member.key, $0) } }
        }
        return numbers(figures, "") + rows.flatMap { numbers($0.figures, "rows/\($0.name)/") }
    }

    func json(_ baseline: BenchBaseline?) -> JSONValue {
        var members = [JSONValue.Member("benchmark", .string(benchmark))] + figures
        members.append(.init("settings", .object(settings)))
        if !rows.isEmpty {
            members.append(.init("rows", .object(rows.map { .init($0.name, .object($0.figures)) })))
        }
        let counted = formulas.sorted { $0.key < $1.key }
        members.append(.init("formulas", .object(counted.map { .init($0.key, .string($0.value)) })))
        if let baseline {
            let ratios = numbers.compactMap { path, value in
                baseline.ratio(of: value, at: path).map { JSONValue.Member(path, .double($0)) }
            }
            members.append(.init("ratios_to_baseline", .object(ratios)))
        }
        return .object(members)
    }

    func text(_ baseline: BenchBaseline?) -> String {
        func ratio(_ path: String, _ value: Double?) -> String {
            guard let baseline, let value else { return "" }
            return baseline.ratio(of: value, at: path).map { String(format: "%.3f x baseline", $0) } ?? "not in baseline"
        }
        var parts: [String] = []
        let setting = settings.map { "\($0.key) \($0.value.string ?? $0.value.text)" }
        parts.append("bench \(benchmark): " + setting.joined(separator: ", "))
        if !rows.isEmpty {
            let columns = rows.reduce(into: [String]()) { names, row in
                for figure in row.figures where !names.contains(figure.key) { names.append(figure.key) }
            }
            let compared = columns.first ?? ""
            let lines = rows.map { row in
                let values = columns.map { column in
                    row.figures.first { $0.key == column }.map { BenchReport.short($0.value) } ?? ""
                }
                let value = row.figures.first { $0.key == compared }?.value.double
                return [row.name] + values + [ratio("rows/\(row.name)/\(compared)", value)]
            }
            let last = baseline == nil ? "" : compared
            parts.append(TextTable(header: [""] + columns + [last], rows: lines).text)
        }
        parts += figures.map { figure in
            let notes = [ratio(figure.key, figure.value.double), formulas[figure.key] ?? ""].filter { !$0.isEmpty }
            let value = "\(figure.key): \(BenchReport.short(figure.value))"
            return notes.isEmpty ? value : "\(value)  (\(notes.joined(separator: "; ")))"
        }
        return parts.joined(separator: "\n")
    }

    /// Four digits are as many as a timing has.
    private static func short(_ value: JSONValue) -> String {
        guard let number = value.double, value.integer == nil else { return value.string ?? value.text }
        return String(format: abs(number) >= 1000 ? "%.0f" : "%.4g", number)
    }
}
