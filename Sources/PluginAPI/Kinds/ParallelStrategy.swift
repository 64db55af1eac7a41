public import Core

/// What the ranks along one axis of the mesh divide.
///
/// A strategy refines what each rank does and stores; model and trainer code stay as they are. Strategies are applied in
/// one order, from the inside of blocks outwards: tensor, context, expert, pipeline, data.
public protocol ParallelStrategy: Sendable, SendableMetatype {
    associatedtype Config: PluginConfig
    /// The axis that it is written for.
    static var axis: MeshAxis { get }
    /// The settings that `parallel plan` and `parallel verify --ranks` look at; the template alone unless it says more.
    static var variants: [Config] { get }
    init(_ config: Config) throws
    /// Everything that keeps a run from being divided this way: each with numbers and what to change.
    func problems(_ run: DividedRun) -> [InputProblem]
    /// Says what this rank does. `problems` has found none.
    func refine(_ plan: inout RankPlan)
}

extension ParallelStrategy {
    public static var variants: [Config] { [.template] }
}

/// What strategies need to know of a run before it starts.
public struct DividedRun: Sendable {
    public let configuration: DecoderConfiguration
    public let mesh: MeshShape
    /// Samples of a micro-batch of one rank, and of a step.
    public let microBatchSize: Int
    public let batchSize: Int
    /// The longest sequence, in tokens.
    public let sequenceLength: Int

    public init(
        configuration: DecoderConfiguration, mesh: MeshShape, microBatchSize: Int, batchSize: Int, sequenceLength: Int
    ) {
        self.configuration = configuration
        self.mesh = mesh
        self.microBatchSize = microBatchSize
        self.batchSize = batchSize
        self.sequenceLength = sequenceLength
    }
}
