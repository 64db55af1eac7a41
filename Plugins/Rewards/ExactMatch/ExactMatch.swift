public import DataLoader
internal import JSON
public import PluginAPI

/// 1 when the completion says exactly what a column of the prompt's line says, else 0.
///
/// White space is normalised on both sides: none at the ends, one space for any run of it.
public struct ExactMatch: Reward {
    /// The reward's options.
    public struct Config: PluginConfig {
        /// See `help`, here and below.
        public var column = "answer"
        public var ignoreFinalStop = true
        public var ignoreCase = false

        enum CodingKeys: String, CodingKey {
            case column
            case ignoreFinalStop = "ignore_final_stop"
            case ignoreCase = "ignore_case"
        }

        public static let template = Config()
        public static let help = [
            "column": "the column that holds the right answer: text or a number",
            "ignore_final_stop": "whether a full stop at the end counts for nothing, on both sides",
            "ignore_case": "whether upper and lower case are equal",
        ]
    }

    private let config: Config

    public init(_ config: Config) { self.config = config }

    /// - Throws: `SampleError` when the line has no such column.
    public func score(_ completion: Completion, for sample: Sample) throws -> Double? {
        normalized(completion.text) == normalized(try answer(sample.column(config.column))) ? 1 : 0
    }

    private func answer(_ column: Column) throws -> String {
        if column.encoding == .json, let number = try column.json().number { return number }
        switch column.encoding {
        case .int, .scalar: return String(try column.integer())
        default: return try column.string()
        }
    }

    private func normalized(_ text: String) -> String {
        var result = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if config.ignoreFinalStop, result.hasSuffix(".") { result.removeLast() }
        return config.ignoreCase ? result.lowercased() : result
    }
}

/// Registers `exact_match`.
public struct ExactMatchPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.reward("exact_match", ExactMatch.self) }
}
