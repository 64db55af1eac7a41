import Core
import DataLoader
import Foundation
import JSON
import PluginAPI
import Text

/// What a recipe names, opened and checked against each other before anything large is allocated.
struct TrainingInputs {
    let tokenizer: Tokenizer?
    var source: ModelSource
    let optimizer: any Optimizer
    let groups: ParameterGroups
    let training: any SampleStream
    /// Nil when there is nothing to validate on.
    let validation: (any SampleStream)?

    /// - Throws: `InputError` with everything that is wrong with any of them.
    init(_ recipe: Recipe, _ registry: Registry) throws {
        var problems = InputProblems()
        tokenizer = try problems.attempt("tokenizer") {
            try recipe.tokenizer.map { try Tokenizer(contentsOf: URL(fileURLWithPath: $0)) }
        } ?? nil
        let source = try problems.attempt("model") {
            if let path = recipe.model.path { return try ModelSource(path: path, registry: registry) }
            return try ModelSource(config: recipe.modelConfig ?? .object([]), registry: registry)
        }
        let optimizer = try problems.attempt("optimizer") {
            try registry.optimizer(recipe.optimizer.name).make(recipe.optimizer.settings, "optimizer")
        }
        let data = try problems.attempt("data.loader") { try TrainingData(recipe, registry) }
        let training = try problems.attempt("data.train") { try data?.stream(recipe.train, isTraining: true) } ?? nil
        validation = try problems.attempt("data.validation") {
            recipe.validation.isEmpty ? nil : try data?.stream(recipe.validation, isTraining: false)
        } ?? nil
        if let source {
            TrainingInputs.check(recipe, source.configuration, tokenizer, &problems)
        }
        let groups = try problems.attempt("optimizer") {
            try source.flatMap { source in
                try optimizer.map {
                    try ParameterGroups(
                        DecoderModel.specs(source.configuration), $0, recipe.optimizerSettings,
                        freeze: recipe.model.freeze.map(NamePattern.init))
                }
            }
        } ?? nil
        try problems.end()
        guard let source, let optimizer, let groups, let training else {
            preconditionFailure("training inputs: something is missing without a problem")
        }
        self.source = source
        self.optimizer = optimizer
        self.groups = groups
        self.training = training
    }

    private static func check(
        _ recipe: Recipe, _ configuration: DecoderConfiguration, _ tokenizer: Tokenizer?, _ problems: inout InputProblems
    ) {
        if let tokenizer, tokenizer.vocabularySize > configuration.vocabularySize {
            let (known, size) = (tokenizer.vocabularySize, configuration.vocabularySize)
            problems.add(
                InputProblem(
                    "tokenizer", "knows \(known) tokens, the model has embeddings for \(size)",
                    fix: "use the model's own tokenizer, or a model.config with vocab_size \(known)"))
        }
        let routing: [(String, Double)] = [
            ("objective.router_balance", recipe.objective.routerBalance ?? 0),
            ("objective.router_z_loss", recipe.objective.routerZLoss),
        ]
        for (key, value) in routing where value != 0 && configuration.expertLayerCount == 0 {
            problems.add(
                InputProblem(key, "is \(value), the model has no layers with experts", fix: "remove the key"))
        }
        if recipe.sequence.length > configuration.positionCount {
            problems.add(
                InputProblem(
                    "sequence.length",
                    "is \(recipe.sequence.length), the model has \(configuration.positionCount) positions",
                    fix: "sequence.length=\(configuration.positionCount)"))
        }
    }
}
