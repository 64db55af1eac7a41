import DataLoader
import PluginAPI

/// The `NAME=ENCODING` pairs of `--column`.
struct ColumnOptions {
    let encodings: [String: ColumnEncoding]

    static let names = [
        "bytes", "str", "int", "json", "ndarray", "ndarray:int32", "uint8", "int8", "uint16", "int16", "uint32", "int32",
        "uint64", "int64", "float16", "float32", "float64", "str_int", "str_float", "str_decimal",
    ]

    /// - Throws: `InputError` that lists every pair that is wrong.
    init(_ pairs: [String]) throws {
        var encodings: [String: ColumnEncoding] = [:]
        var problems: [InputProblem] = []
        for pair in pairs {
            guard let equals = pair.firstIndex(of: "="), equals != pair.startIndex else {
                problems.append(InputProblem("--column", "found '\(pair)', expected NAME=ENCODING, e.g. text=str"))
                continue
            }
            let (name, encoding) = (String(pair[..<equals]), String(pair[pair.index(after: equals)...]))
            if encodings[name] != nil { problems.append(InputProblem("--column", "'\(name)' is given twice")) }
            encodings[name] = ColumnEncoding(encoding)
            if encodings[name] == nil {
                let near = NearestName.of(encoding, in: ColumnOptions.names).map { "did you mean '\($0)'? " } ?? ""
                problems.append(
                    InputProblem(
                        "--column", "'\(name)' has the unknown encoding '\(encoding)'; \(near)known: "
                            + ColumnOptions.names.joined(separator: ", ")))
            }
        }
        guard problems.isEmpty else { throw InputError(problems) }
        self.encodings = encodings
    }
}
