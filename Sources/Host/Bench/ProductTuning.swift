import Core
import Foundation
import JSON
import PluginAPI

/// What `forktail bench kernels --tune` does: measure, print, and write the user's product table.
struct ProductTuning {
    let file: ProductTableFile

    /// - Throws: `InputError` when there is no place for the file, or the one that is there cannot be used.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        guard let file = ProductTableFile(environment: environment) else {
            throw InputError(
                "FORKTAIL_PRODUCTS", "names no file that the table could be written to",
                fix: "export FORKTAIL_PRODUCTS=products.json")
        }
        // What is wrong with the file is told before minutes are spent.
        if FileManager.default.fileExists(atPath: file.path) { _ = try file.read() }
        self.file = file
    }

    func run(threads: Int, asJSON: Bool) throws {
        let libraries = ProductLibraries()
        for library in [ProductLibrary.openblas, .onednn] {
            if let reason = libraries.absence(of: library, for: .float32) {
                StandardError.write("note: \(library.rawValue) is not measured: \(reason)")
            }
        }
        let figures = ProductTuner(threads: threads, libraries: libraries).measure()
        let rows = ProductTuner.rows(figures, for: Processor.name)
        try file.write(rows, for: Processor.name)
        print(asJSON ? json(figures, rows).text : text(figures, rows))
        StandardError.write("written: \(file.path) (runs that are resumed need --accept-product-drift when it changed)")
    }

    private func best(_ figures: [ProductTuner.Figure], _ figure: ProductTuner.Figure) -> Double {
        figures.filter {
            $0.kind == figure.kind && $0.shape.role == figure.shape.role
                && ($0.shape.m, $0.shape.n, $0.shape.k) == (figure.shape.m, figure.shape.n, figure.shape.k)
        }.map(\.flopsPerSecond).max() ?? figure.flopsPerSecond
    }

    private func text(_ figures: [ProductTuner.Figure], _ rows: [ProductTable.Row]) -> String {
        let measured = figures.map { figure in
            [
                figure.kind.dtype.rawValue, figure.kind.shape.rawValue, figure.shape.role.rawValue,
                "\(figure.shape.m) x \(figure.shape.n) x \(figure.shape.k)", figure.library.rawValue,
                "\(Int(figure.flopsPerSecond / 1e9))",
                "\(Int((100 * figure.flopsPerSecond / best(figures, figure)).rounded())) %",
            ]
        }
        let chosen = rows.map { row in
            let speeds = row.speeds.sorted { $0.value > $1.value }.map { "\($0.key.rawValue) \(Int($0.value))" }
            return [
                row.dtype?.rawValue ?? "*", row.shape?.rawValue ?? "*", row.library.rawValue,
                speeds.joined(separator: ", "),
            ]
        }
        let header = ["type", "class", "role", "M x N x K", "library", "GFLOP/s", "of the best"]
        return TextTable(header: header, rows: measured).text + "\n\nthe table for \(Processor.name)\n"
            + TextTable(header: ["type", "class", "library", "GFLOP/s over the class"], rows: chosen).text
    }

    private func json(_ figures: [ProductTuner.Figure], _ rows: [ProductTable.Row]) -> JSONValue {
        let measured = figures.map { figure in
            JSONValue.object([
                .init("type", .string(figure.kind.dtype.rawValue)),
                .init("class", .string(figure.kind.shape.rawValue)),
                .init("role", .string(figure.shape.role.rawValue)),
                .init("m", .integer(figure.shape.m)), .init("n", .integer(figure.shape.n)),
                .init("k", .integer(figure.shape.k)), .init("library", .string(figure.library.rawValue)),
                .init("seconds", .double(figure.seconds)),
                .init("flops_per_second", .double(figure.flopsPerSecond)),
                .init("fraction_of_best", .double(figure.flopsPerSecond / best(figures, figure))),
            ])
        }
        let table = ProductTable(rows: rows, origin: file.path)
        return .object([
            .init("processor", .string(Processor.name)), .init("file", .string(file.path)),
            .init("figures", .array(measured)), .init("table", table.json),
        ])
    }
}
