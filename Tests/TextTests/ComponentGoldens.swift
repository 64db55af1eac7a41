import Foundation
import Testing
import Text

/// Tests/Reference/goldens/tokenizers.json, made by Tests/Reference/tokenizer_goldens.py.
///
/// FORKTAIL_TOKENIZER_GOLDENS names another file of that form, for a longer comparison.
struct ComponentGoldens {
    struct Row: Decodable {
        let text: String
        let ids: [Int32]
        let decoded: String
        let plain: String
    }

    struct Case {
        let name: String
        let tokenizer: Data
        let rows: [Row]
    }

    struct Training: Decodable {
        let name: String
        let text: String
        let size: Int
        let splitDigits: Bool
        let minFrequency: Int
        let vocabulary: [String]
        let merges: [String]
    }

    let cases: [Case]
    let trainings: [Training]

    static let file: URL = {
        if let path = ProcessInfo.processInfo.environment["FORKTAIL_TOKENIZER_GOLDENS"] {
            return URL(fileURLWithPath: path)
        }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Reference/goldens/tokenizers.json")
    }()

    init() throws {
        let json = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: Self.file)) as? [String: Any])
        let base = try #require(json["base"] as? [String: Any])
        cases = try #require(json["cases"] as? [[String: Any]]).map { entry in
            var tokenizer = base
            for (key, value) in try #require(entry["changes"] as? [String: Any]) {
                if key == "ignore_merges" {
                    var model = try #require(tokenizer["model"] as? [String: Any])
                    model[key] = value
                    tokenizer["model"] = model
                } else {
                    tokenizer[key] = value
                }
            }
            let rows = try JSONSerialization.data(withJSONObject: try #require(entry["rows"]))
            return Case(
                name: try #require(entry["name"] as? String),
                tokenizer: try JSONSerialization.data(withJSONObject: tokenizer),
                rows: try JSONDecoder().decode([Row].self, from: rows))
        }
        let trainings = try JSONSerialization.data(withJSONObject: try #require(json["trainings"]))
        self.trainings = try JSONDecoder().decode([Training].self, from: trainings)
    }
}
