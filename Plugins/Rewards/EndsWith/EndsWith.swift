public import DataLoader
public import PluginAPI

/// 1 when the completion's text ends with a given text, white space after it aside, else 0.
public struct EndsWith: Reward {
    /// The reward's options.
    public struct Config: PluginConfig {
        /// See `help`.
        public var text = "."

        public static let template = Config()
        public static let help = ["text": "what the completion should end with"]
    }

    private let text: String

    public init(_ config: Config) throws {
        guard !config.text.isEmpty else {
            throw InputError("text", "found no text, expected what completions end with")
        }
        text = config.text
    }

    public func score(_ completion: Completion, for sample: Sample) -> Double? {
        let end = completion.text.lastIndex { !$0.isWhitespace }
        return end.map { completion.text[...$0].hasSuffix(text) } == true ? 1 : 0
    }
}

/// Registers `ends_with`.
public struct EndsWithPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.reward("ends_with", EndsWith.self) }
}
