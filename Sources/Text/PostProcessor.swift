/// The ids put before and behind a text when special tokens are asked for.
struct PostProcessor: Sendable {
    private(set) var prefix: [Int32] = []
    private(set) var suffix: [Int32] = []

    /// Reads the `post_processor` of a tokenizer.json; nil adds nothing.
    init(_ json: JSON?, _ path: String) throws(TokenizerError) {
        if let json { try apply(json, path) }
    }

    /// Processors of a sequence wrap what the ones before them made.
    private mutating func apply(_ json: JSON, _ path: String) throws(TokenizerError) {
        let component = try Component(json, path)
        switch component.type {
        case "Sequence":
            for (index, element) in try component.list("processors").enumerated() {
                try apply(element, "\(path).processors[\(index)]")
            }
        case "ByteLevel": break  // changes offsets only
        case "BertProcessing", "RobertaProcessing":
            prefix.insert(try PostProcessor.pairedID(json["cls"], "\(path).cls"), at: 0)
            suffix.append(try PostProcessor.pairedID(json["sep"], "\(path).sep"))
        case "TemplateProcessing": try applyTemplate(component)
        default:
            throw component.unsupported([
                "BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing",
            ])
        }
    }

    private mutating func applyTemplate(_ component: Component) throws(TokenizerError) {
        var before: [Int32] = []
        var after: [Int32] = []
        var isBehindText = false
        for (index, element) in try component.list("single").enumerated() {
            let path = "\(component.path).single[\(index)]"
            if element["Sequence"] != nil {
                if isBehindText { throw Component.missing(path, "the text once only") }
                isBehindText = true
                continue
            }
            guard let name = element["SpecialToken"]?["id"]?.string,
                let list = component.json["special_tokens"]?[name]?["ids"]?.array
            else { throw Component.missing(path, "a SpecialToken listed in special_tokens, or Sequence") }
            for item in list {
                guard let id = item.id else { throw Component.missing(path, "whole numbers as ids") }
                if isBehindText { after.append(id) } else { before.append(id) }
            }
        }
        prefix = before + prefix
        suffix += after
    }

    /// The id of a pair [token, id].
    private static func pairedID(_ json: JSON?, _ path: String) throws(TokenizerError) -> Int32 {
        guard let id = json?.array?.last?.id else { throw Component.missing(path, "a pair of token and id") }
        return id
    }
}
