public import DataLoader
internal import Foundation
public import PluginAPI

/// 1 when the whole completion has the form of a regular expression, else 0.
public struct Format: Reward {
    /// The reward's options.
    public struct Config: PluginConfig {
        /// See `help`.
        public var pattern = ""

        public static let template = Config()
        public static let required = ["pattern"]
        public static let help = [
            "pattern": "regular expression that the whole completion, white space at its ends aside, must match"
        ]
    }

    private let expression: NSRegularExpression

    public init(_ config: Config) throws {
        do {
            expression = try NSRegularExpression(
                pattern: "\\A(?:\(config.pattern))\\z", options: [.dotMatchesLineSeparators])
        } catch {
            throw InputError(
                "pattern", "found '\(config.pattern)', expected a regular expression: \(error.localizedDescription)")
        }
    }

    public func score(_ completion: Completion, for sample: Sample) -> Double? {
        let text = completion.text.trimmingCharacters(in: .whitespacesAndNewlines)
        let whole = NSRange(text.startIndex..., in: text)
        return expression.firstMatch(in: text, range: whole) == nil ? 0 : 1
    }
}

/// Registers `format`.
public struct FormatPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.reward("format", Format.self) }
}
