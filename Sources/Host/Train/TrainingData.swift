import DataLoader
import Foundation
import PluginAPI

/// Opens the recipe's data through its loader plugin.
struct TrainingData {
    private let loader: any LoaderPlugin
    private let seed: UInt64

    init(_ recipe: Recipe, _ registry: Registry) throws {
        loader = try registry.loader(recipe.loader.name).make(recipe.loader.settings, "data.loader")
        seed = recipe.seed
    }

    /// The samples behind `parts`: one stream, or a weighted mix of one stream a part.
    func stream(_ parts: [Recipe.DataPart], isTraining: Bool) throws -> any SampleStream {
        let context = LoaderContext(seed: seed, isTraining: isTraining)
        let weighted = parts.compactMap { part in part.weight.map { (part.path, $0) } }
        guard !weighted.isEmpty else {
            return try loader.stream(parts.map { TrainingData.url($0.path) }, context)
        }
        return try MixedStream(
            weighted.map { path, weight in
                MixedStream.Part(
                    name: path, stream: try loader.stream([TrainingData.url(path)], context), weight: weight)
            }, seed: seed)
    }

    /// Without the slash that marks a directory, which would show in messages.
    private static func url(_ path: String) -> URL { URL(fileURLWithPath: path, isDirectory: false) }
}
