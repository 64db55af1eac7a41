import Foundation
// Foundation's composed forms are wrong on Linux in corners (a Hangul syllable and a final consonant stay apart, marks
// keep a wrong order); the standard library's are right, and tests compare them with the reference.
@_spi(_Unicode) import Swift

/// Rewrites a text before it is cut into pieces.
struct Normalizer: Sendable {
    enum Step: Sendable {
        case nfc, nfd, nfkc, nfkd, lowercase
        case prepend(String)
        case replace(Pattern, String)
    }

    let steps: [Step]

    /// Reads the `normalizer` of a tokenizer.json; nil leaves texts as they are.
    init(_ json: JSON?, _ path: String) throws(TokenizerError) {
        var steps: [Step] = []
        if let json { try Normalizer.append(json, path, to: &steps) }
        self.steps = steps
    }

    private static func append(_ json: JSON, _ path: String, to steps: inout [Step]) throws(TokenizerError) {
        let component = try Component(json, path)
        switch component.type {
        case "Sequence":
            for (index, element) in try component.list("normalizers").enumerated() {
                try append(element, "\(path).normalizers[\(index)]", to: &steps)
            }
        case "NFC": steps.append(.nfc)
        case "NFD": steps.append(.nfd)
        case "NFKC": steps.append(.nfkc)
        case "NFKD": steps.append(.nfkd)
        case "Lowercase": steps.append(.lowercase)
        case "Prepend": steps.append(.prepend(try component.text("prepend")))
        case "Replace": steps.append(.replace(try component.pattern(), try component.text("content")))
        default:
            throw component.unsupported([
                "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Prepend", "Replace", "Sequence",
            ])
        }
    }

    /// The normalized text, or nil when it is the text itself.
    func normalized(_ text: UnsafeBufferPointer<UInt8>, using state: Pattern.State) -> String? {
        var result: String?
        for step in steps {
            if result == nil, case .nfc = step, Normalizer.isPlainlyNFC(text) { continue }
            result = Normalizer.apply(step, to: result ?? String(decoding: text, as: UTF8.self), using: state)
        }
        return result
    }

    private static func apply(_ step: Step, to text: String, using state: Pattern.State) -> String {
        switch step {
        case .nfc: string(expanded(text)._nfc)
        case .nfd: string(expanded(text)._nfd)
        case .nfkc: string(text.decomposedStringWithCompatibilityMapping._nfc)
        case .nfkd: string(text.decomposedStringWithCompatibilityMapping._nfd)
        case .lowercase: text.lowercased()
        case .prepend(let prefix): text.isEmpty ? text : prefix + text
        case .replace(let pattern, let content): pattern.replacing(in: text, with: content, using: state)
        }
    }

    /// The text with three Tibetan signs decomposed, whose parts the standard library would leave unordered because
    /// the signs themselves have the combining class 0.
    private static func expanded(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { (0xF73...0xF81).contains($0.value) }) else { return text }
        return text.unicodeScalars.reduce(into: "") { $0 += tibetanSigns[$1] ?? String($1) }
    }

    private static let tibetanSigns: [Unicode.Scalar: String] = [
        "\u{F73}": "\u{F71}\u{F72}", "\u{F75}": "\u{F71}\u{F74}", "\u{F81}": "\u{F71}\u{F80}",
    ]

    private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// A quick, one-sided test: whether no scalar of the text can change under NFC or join the one before it.
    ///
    /// Scalars that NFC replaces have the property Full_Composition_Exclusion; those that join or move are marks or
    /// conjoining Hangul vowels and consonants (Unicode Standard Annex 15, section 9).
    private static func isPlainlyNFC(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var index = 0
        while index < text.count {
            // Everything below U+0300 stays; its encodings start below 0xCC.
            if text[index] < 0xCC {
                index += 1
                continue
            }
            guard let scalar = text.scalar(startingAt: index), scalar.isInertUnderNFC else { return false }
            index += scalar.utf8.count
        }
        return true
    }
}

extension Unicode.Scalar {
    fileprivate var isInertUnderNFC: Bool {
        switch value {
        case 0x3041...0x3096, 0x30A1...0x30FA, 0x4E00...0x9FFF, 0xAC00...0xD7A3:
            return true  // most of East Asian text, without a look-up
        case 0x1160...0x11FF, 0xD7B0...0xD7FF: return false
        default: break
        }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: return false
        default: return !properties.isFullCompositionExclusion
        }
    }
}
