/// A plugin: what it provides is said in its `plugin.json` and registered here.
public protocol Plugin: SendableMetatype {
    init()
    func register(in registrar: Registrar) throws
}

/// Collects what one plugin registers; the host checks it against the manifest and commits all or nothing.
public final class Registrar {
    public private(set) var contributions: [Contribution] = []

    /// Why registration failed, when it crossed the C boundary.
    public private(set) var failure: (any Error)?

    public init() {}

    /// Called by the generated entry of a plugin file, which cannot throw.
    public func fail(_ error: any Error) { failure = error }

    public func trainer<T: Trainer>(_ name: String, _ type: T.Type) throws {
        try add(.trainer, name, T.Config.self, .trainer(TrainerFactory(T.self)))
    }

    public func optimizer<T: Optimizer>(_ name: String, _ type: T.Type) throws {
        try add(.optimizer, name, T.Config.self, .optimizer(Factory { try T($0) }))
    }

    public func scheduler<T: Scheduler>(_ name: String, _ type: T.Type) throws {
        try add(.scheduler, name, T.Config.self, .scheduler(SchedulerFactory(T.self)))
    }

    public func loader<T: LoaderPlugin>(_ name: String, _ type: T.Type) throws {
        try add(.loader, name, T.Config.self, .loader(Factory { try T($0) }))
    }

    public func tracker<T: Tracker>(_ name: String, _ type: T.Type) throws {
        try add(.tracker, name, T.Config.self, .tracker(TrackerFactory(T.self)))
    }

    public func reward<T: Reward>(_ name: String, _ type: T.Type) throws {
        try add(.reward, name, T.Config.self, .reward(Factory { try T($0) }))
    }

    public func task<T: GeneratedTask>(_ name: String, _ type: T.Type) throws {
        try add(.task, name, T.Config.self, .task(Factory { try T($0) }))
    }

    public func parallelism<T: ParallelStrategy>(_ name: String, _ type: T.Type) throws {
        try add(.parallelism, name, T.Config.self, .parallelism(StrategyFactory(T.self)))
    }

    public func model<T: ModelFamily>(_ name: String, _ type: T.Type) throws {
        try add(.model, name, NoConfig.self, .model(T.self))
    }

    private func add<Config: PluginConfig>(
        _ kind: PluginKind, _ name: String, _ config: Config.Type, _ maker: ContributionMaker
    ) throws {
        if contributions.contains(where: { $0.kind == kind && $0.name == name }) {
            throw InputError("\(kind.rawValue) '\(name)'", "is registered twice by one plugin")
        }
        contributions.append(
            Contribution(kind: kind, name: name, schema: try ConfigSchema(Config.self), maker: maker))
    }
}

/// One named thing that a plugin provides.
public struct Contribution: Sendable {
    public let kind: PluginKind
    public let name: String
    public let schema: ConfigSchema
    public let maker: ContributionMaker
}
