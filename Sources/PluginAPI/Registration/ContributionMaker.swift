public import Core
public import Foundation
public import JSON

/// How a contribution is made from its settings.
public enum ContributionMaker: Sendable {
    case trainer(TrainerFactory)
    case optimizer(Factory<any Optimizer>)
    case scheduler(SchedulerFactory)
    case loader(Factory<any LoaderPlugin>)
    case tracker(TrackerFactory)
    case reward(Factory<any Reward>)
    case task(Factory<any GeneratedTask>)
    case parallelism(StrategyFactory)
    case model(any ModelFamily.Type)
}

/// Makes something from settings alone. `place` is where the settings stand in the recipe, for messages.
public struct Factory<Product>: Sendable {
    public let make: @Sendable (_ settings: JSONValue, _ place: String) throws -> Product

    init<Config: PluginConfig>(_ make: @escaping @Sendable (Config) throws -> Product) {
        self.make = { try make(ConfigDecoder.decode(Config.self, from: $0, at: $1)) }
    }
}

/// Makes a trainer, and says which models it needs before it is made.
public struct TrainerFactory: Sendable {
    public let make: @Sendable (_ settings: JSONValue, TrainingSession) throws -> any Trainer
    public let auxiliaryModels: @Sendable (_ settings: JSONValue) throws -> [AuxiliaryModel]

    init<T: Trainer>(_ type: T.Type) {
        make = { try T(ConfigDecoder.decode(T.Config.self, from: $0, at: "trainer"), $1) }
        auxiliaryModels = { settings in
            guard let type = T.self as? any HasAuxiliaryModels.Type else { return [] }
            return try TrainerFactory.models(type, settings)
        }
    }

    private static func models<T: HasAuxiliaryModels>(_ type: T.Type, _ settings: JSONValue) throws -> [AuxiliaryModel] {
        type.auxiliaryModels(try ConfigDecoder.decode(T.Config.self, from: settings, at: "trainer"))
    }
}

/// Makes a scheduler.
public struct SchedulerFactory: Sendable {
    public let make: @Sendable (_ settings: JSONValue, ScheduleHorizon) throws -> any Scheduler

    init<T: Scheduler>(_ type: T.Type) {
        make = { try T(ConfigDecoder.decode(T.Config.self, from: $0, at: "scheduler"), horizon: $1) }
    }
}

/// Makes a tracker.
public struct TrackerFactory: Sendable {
    public let make: @Sendable (_ settings: JSONValue, _ place: String, _ runDirectory: URL, _ resumedStep: Int) throws
        -> any Tracker

    init<T: Tracker>(_ type: T.Type) {
        make = { settings, place, directory, step in
            try T(
                ConfigDecoder.decode(T.Config.self, from: settings, at: place), runDirectory: directory,
                resumedStep: step)
        }
    }
}

/// Makes a parallelism strategy. `place` is where its settings stand in the recipe.
public struct StrategyFactory: Sendable {
    public let axis: MeshAxis
    public let make: @Sendable (_ settings: JSONValue, _ place: String) throws -> any ParallelStrategy
    /// See `ParallelStrategy.variants`.
    public let variants: @Sendable () throws -> [JSONValue]

    init<T: ParallelStrategy>(_ type: T.Type) {
        axis = T.axis
        variants = { try T.variants.map(ConfigSchema.settings) }
        make = { try T(ConfigDecoder.decode(T.Config.self, from: $0, at: $1)) }
    }
}
