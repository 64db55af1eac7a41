package import Core
import Foundation
import JSON
import PluginAPI

/// The user's product table (Docs/products.md): `FORKTAIL_PRODUCTS`, else forktail/products.json in `XDG_CONFIG_HOME` or
/// ~/.config. `FORKTAIL_PRODUCTS=built-in` takes no file.
package struct ProductTableFile {
    package let path: String
    /// Whether the variable names it, so that its absence is a mistake.
    let isNamed: Bool

    /// The file that the environment points to, nil when there is to be none.
    package init?(environment: [String: String] = ProcessInfo.processInfo.environment) {
        let named = environment["FORKTAIL_PRODUCTS"] ?? ""
        let folder = environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
            ?? environment["HOME"].map { $0 + "/.config" }
        guard named != "built-in", let path = named.isEmpty ? folder.map({ $0 + "/forktail/products.json" }) : named
        else { return nil }
        self.path = path
        isNamed = !named.isEmpty
    }

    /// The rows of the user's file, when there is one, and after them the built-in ones.
    /// - Throws: `InputError` with everything that is wrong with the file.
    static func table(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> ProductTable {
        guard let file = ProductTableFile(environment: environment), let own = try file.read() else { return .builtIn }
        return own.followed(by: .builtIn)
    }

    /// The file's own rows; nil when there is no file and none was asked for.
    /// - Throws: `InputError`.
    package func read() throws -> ProductTable? {
        if !isNamed && !FileManager.default.fileExists(atPath: path) { return nil }
        let fix = "mend or remove it (forktail bench kernels --tune writes a new one), or set FORKTAIL_PRODUCTS=built-in"
        let text = try WholeFile.read(path, fix: fix)
        do {
            return try ProductTable(json: try JSONValue(parsing: text), origin: path)
        } catch let error as ProductTableError {
            throw InputError(error.problems.map { InputProblem(path, $0, fix: fix) })
        } catch let error as JSONError {
            throw InputError(path, "is not JSON: \(error)", fix: fix)
        }
    }

    /// Puts rows for one processor in the place of those that the file had for it; others stay.
    /// - Throws: `InputError`, `FileError`.
    package func write(_ rows: [ProductTable.Row], for processor: String) throws {
        let exists = FileManager.default.fileExists(atPath: path)
        let others = exists ? (try read()?.rows ?? []).filter { $0.processor != processor } : []
        let folder = (path as NSString).deletingLastPathComponent
        if !folder.isEmpty {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        let table = ProductTable(rows: rows + others, origin: path)
        try AtomicFile.write(Data(table.text.utf8), to: path)
    }
}
