import DataLoader
import JSON
import Text

/// The messages of a conversation's column.
enum ChatMessages {
    static func read(_ column: Column, of sample: Sample) throws -> [ChatMessage] {
        func wrong(_ problem: String) -> SampleError {
            SampleError(sample: sample.id, column: column.name, problem: problem)
        }
        guard let values = try column.json().array else {
            throw wrong("expected a list of {\"role\": ..., \"content\": ...}")
        }
        return try values.enumerated().map { place, value in
            guard let role = value["role"]?.string, let content = value["content"]?.string else {
                throw wrong("message \(place) is \(value.text.prefix(60)), expected text under role and content")
            }
            return ChatMessage(role: role, content: content)
        }
    }
}
