public import DataLoader
public import Foundation

/// Opens data under a form of its own and puts it in order.
public protocol LoaderPlugin: SendableMetatype {
    associatedtype Config: PluginConfig
    init(_ config: Config) throws
    /// The samples behind `paths` in the order that the settings ask for, endless.
    func stream(_ paths: [URL], _ context: LoaderContext) throws -> any SampleStream
}

/// What a loader is told by the run.
public struct LoaderContext: Sendable {
    public let seed: UInt64
    /// False for validation data, which are read in their own order.
    public let isTraining: Bool

    public init(seed: UInt64, isTraining: Bool) {
        self.seed = seed
        self.isTraining = isTraining
    }
}
