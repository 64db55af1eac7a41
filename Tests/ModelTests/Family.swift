import Core
import Foundation
import GPT2
import Llama
import Mistral
import Qwen2
import Qwen3
import SmolLM3
import Testing

/// The families by the name of their config.json.
enum Family {
    static let all: [any DecoderFamily.Type] = [
        LlamaFamily.self, Qwen2Family.self, Qwen3Family.self, SmolLM3Family.self, MistralFamily.self, GPT2Family.self,
    ]

    static func decoder(from json: String) throws -> DecoderConfiguration {
        let config = try ModelConfig(Data(json.utf8))
        let family = try #require(all.first { $0.modelTypes.contains(config.modelType ?? "") })
        return try family.decoder(from: config)
    }
}
