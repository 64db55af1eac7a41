import Core
import Foundation
import ModelGPT2
import ModelLlama
import ModelMistral
import ModelMixtral
import ModelQwen2
import ModelQwen3
import ModelQwen3MoE
import ModelSmolLM3
import Testing

/// The families by the name of their config.json.
enum ModelFamilies {
    static func decoder(from json: String) throws -> DecoderConfiguration {
        let config = try ModelConfig(Data(json.utf8))
        let families: [(modelTypes: [String], decoder: (ModelConfig) throws -> DecoderConfiguration)] = [
            (LlamaFamily.modelTypes, LlamaFamily.decoder), (Qwen2Family.modelTypes, Qwen2Family.decoder),
            (Qwen3Family.modelTypes, Qwen3Family.decoder), (SmolLM3Family.modelTypes, SmolLM3Family.decoder),
            (MistralFamily.modelTypes, MistralFamily.decoder), (GPT2Family.modelTypes, GPT2Family.decoder),
            (MixtralFamily.modelTypes, MixtralFamily.decoder), (Qwen3MoEFamily.modelTypes, Qwen3MoEFamily.decoder),
        ]
        let family = try #require(families.first { $0.modelTypes.contains(config.modelType ?? "") })
        return try family.decoder(config)
    }
}
