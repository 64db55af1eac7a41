import Core
import PluginAPI

/// What activations and other parts without a formula take, counted on the decoder that one tensor rank sees.
///
/// A step is gone through with two short models of different depth; what a block takes and what the rest takes follow,
/// so a model of any depth costs the same to plan.
final class LayoutRehearsal {
    /// Bytes that do not depend on the number of blocks, bytes of each block, and what the update takes by itself.
    struct Bytes {
        let fixed: Int
        let perLayer: Int
        var update = 0
    }

    /// What is counted, by the names of `MemoryEstimate`.
    struct Figures {
        let activations: Bytes
        let workspace: Bytes
        let frozenModels: Bytes
        let positionTables: Int
        /// Bytes of optimizer states of a trained element in a block, and outside of them.
        let states: (inner: Double, outer: Double)
    }

    private struct Key: Hashable {
        let tensorRanks: Int
        let samples: Int
        let microBatch: Int
    }

    private let recipe: Recipe
    private let registry: Registry
    private let inputs: TrainingInputs
    private var known: [Key: Figures] = [:]

    init(_ recipe: Recipe, _ registry: Registry, _ inputs: TrainingInputs) {
        (self.recipe, self.registry, self.inputs) = (recipe, registry, inputs)
    }

    /// - Parameters:
    ///   - tensorRanks: ranks that share each block.
    ///   - samples: of an optimizer step on one rank.
    ///   - microBatch: samples of a micro-batch.
    func figures(tensorRanks: Int, samples: Int, microBatch: Int) throws -> Figures {
        let key = Key(tensorRanks: tensorRanks, samples: samples, microBatch: min(microBatch, samples))
        if let figures = known[key] { return figures }
        let depths = [2, 4]
        let counted = try depths.map { try count(key, depth: $0, updates: false) }
        let update = try count(key, depth: depths[0], updates: true)
        func size(_ name: String, _ estimate: MemoryEstimate) -> Int {
            estimate.parts.first { $0.name == name }?.byteCount ?? 0
        }
        func bytes(_ name: String) -> Bytes {
            let sizes = counted.map { size(name, $0) }
            let perLayer = max(0, sizes[1] - sizes[0]) / (depths[1] - depths[0])
            return Bytes(
                fixed: max(0, sizes[0] - depths[0] * perLayer), perLayer: perLayer, update: size(name, update))
        }
        func trained(_ depth: Int, _ isCounted: (ParameterSpec) -> Bool) -> Double {
            DecoderModel.specs(configuration(key, depth: depth)).filter(isCounted)
                .reduce(0) { $0 + (inputs.groups.number(of: $1.name) == nil ? 0 : Double($1.elementCount)) }
        }
        let inner = trained(depths[1]) { $0.isInBlocks } - trained(depths[0]) { $0.isInBlocks }
        let outer = trained(depths[0]) { !$0.isInBlocks }
        let states = bytes("optimizer states")
        let innerBytes = Double((depths[1] - depths[0]) * states.perLayer)
        let figures = Figures(
            activations: bytes("activations"), workspace: bytes("workspace"), frozenModels: bytes("frozen models"),
            positionTables: bytes("position tables").fixed,
            states: (inner == 0 ? 0 : innerBytes / inner, outer == 0 ? 0 : Double(states.fixed) / outer))
        known[key] = figures
        return figures
    }

    private func count(_ key: Key, depth: Int, updates: Bool) throws -> MemoryEstimate {
        let settings = ["batch.size=\(key.samples)", "batch.micro=\(key.microBatch)"]
        let changed = try RecipeReader.read(RecipeFile.apply(settings, to: recipe.given), registry: registry)
        var inputs = inputs
        inputs.source = inputs.source.shape(configuration(key, depth: depth))
        return try MemoryRehearsal(
            recipe: changed, registry: registry, inputs: inputs, settings: changed.trainingSettings
        ).estimate(resident: 0, updates: updates)
    }

    /// All tokens stay known, so that the trainer may use any.
    private func configuration(_ key: Key, depth: Int) -> DecoderConfiguration {
        let whole = inputs.source.configuration
        var part = whole.part(tensorRanks: key.tensorRanks)
        part.vocabularySize = whole.vocabularySize
        part.layers = (0..<depth).map { whole.layers[$0 % whole.layers.count] }
        return part
    }
}

extension ParameterSpec {
    /// Whether it belongs to one of the transformer blocks.
    fileprivate var isInBlocks: Bool { block.hasPrefix("layers.") }
}

extension DecoderConfiguration {
    /// What a tensor rank holds: the same decoder with fewer heads, features and tokens.
    ///
    /// Key/value heads that are fewer than ranks are held by several; vocabularies are padded to a multiple of 16 a rank.
    func part(tensorRanks: Int) -> DecoderConfiguration {
        guard tensorRanks > 1 else { return self }
        var part = self
        part.headCount = headCount / tensorRanks
        part.keyValueHeadCount = max(1, keyValueHeadCount / tensorRanks)
        part.mlpWidth = mlpWidth / tensorRanks
        part.experts?.width /= tensorRanks
        part.vocabularySize = (vocabularySize + 16 * tensorRanks - 1) / (16 * tensorRanks) * 16
        return part
    }
}
