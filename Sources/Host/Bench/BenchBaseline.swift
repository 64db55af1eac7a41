import JSON
import PluginAPI

/// Figures of an earlier run of the same benchmark.
struct BenchBaseline {
    private let value: JSONValue

    /// - Throws: `InputError` for a file that is no report of this benchmark.
    init(file: String, benchmark: String) throws {
        let text = try WholeFile.read(file)
        do {
            value = try JSONValue(parsing: text)
        } catch {
            throw InputError("--baseline", "\(file) is not JSON: \(error)", fix: "write one with --save")
        }
        guard value["benchmark"]?.string == benchmark else {
            let found = value["benchmark"]?.text ?? "no benchmark"
            throw InputError(
                "--baseline", "\(file) holds \(found), expected \"\(benchmark)\"",
                fix: "write one with: forktail bench \(benchmark) --save FILE")
        }
    }

    /// A figure divided by this one's; nil when it has none.
    func ratio(of value: Double, at path: String) -> Double? {
        // A row's name may hold slashes; its figure's does not.
        guard path.hasPrefix("rows/"), let slash = path.lastIndex(of: "/") else {
            return self.value[path]?.double.map { value / $0 }
        }
        let name = String(path[path.index(path.startIndex, offsetBy: 5)..<slash])
        return self.value["rows"]?[name]?[String(path[path.index(after: slash)...])]?.double.map { value / $0 }
    }

    /// Settings under which the two were not measured alike.
    func differences(from report: BenchReport) -> [String] {
        report.settings.compactMap { setting in
            let before = value["settings"]?[setting.key]
            guard before != setting.value else { return nil }
            let (then, now) = (before?.text ?? "unknown", setting.value.text)
            return "the baseline was measured with \(setting.key) \(then), this with \(now)"
        }
    }
}
