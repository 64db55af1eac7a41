import Core
import PluginAPI

extension Recipe {
    /// What is recomputed in backward; `RecipeReader` has checked the name.
    var checkpointing: DecoderModel.Checkpointing {
        guard let checkpointing = DecoderModel.Checkpointing(rawValue: activations.checkpoint) else {
            preconditionFailure("recipe: activations.checkpoint '\(activations.checkpoint)' was not checked")
        }
        return checkpointing
    }

    /// The part that trainers see.
    var trainingSettings: TrainingSettings {
        TrainingSettings(
            seed: seed, batchSize: batch.size, microBatchSize: batch.micro ?? batch.size,
            sequenceLength: sequence.length, packs: sequence.pack, objective: objective.settings)
    }
}
