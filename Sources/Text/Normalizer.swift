import Foundation

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
        case .nfc: text.precomposedStringWithCanonicalMapping
        case .nfd: text.decomposedStringWithCanonicalMapping
        case .nfkc: text.precomposedStringWithCompatibilityMapping
        case .nfkd: text.decomposedStringWithCompatibilityMapping
        case .lowercase: text.lowercased()
        case .prepend(let prefix): text.isEmpty ? text : prefix + text
        case .replace(let pattern, let content): pattern.replacing(in: text, with: content, using: state)
        }
    }

    /// A quick, one-sided test: whether every scalar lies in a range whose scalars neither compose nor decompose.
    ///
    /// Below U+0300, in Cyrillic, in general punctuation, kana, CJK ideographs and Hangul syllables all scalars that
    /// pass have the property NFC_Quick_Check=Yes (Unicode Standard Annex 15) and the combining class 0.
    private static func isPlainlyNFC(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var index = 0
        while index < text.count {
            let lead = text[index]
            if lead < 0xCC {
                index += 1
                continue
            }
            var iterator = text[index...].makeIterator()
            var decoder = UTF8()
            guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return false }
            switch scalar.value {
            case 0x400...0x482, 0x48A...0x52F, 0x2010...0x205E, 0x3000...0x3029, 0x3030...0x3098, 0x309B...0x30FF,
                0x4E00...0x9FFF, 0xAC00...0xD7A3, 0xFF01...0xFF60:
                index += scalar.utf8.count
            default: return false
            }
        }
        return true
    }
}
