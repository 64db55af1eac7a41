public import Core

/// An update rule, as a formula over one element and its states.
///
/// Because the rule is a `Program`, it runs on any shard of any arena, on any backend.
public protocol Optimizer: SendableMetatype {
    associatedtype Config: PluginConfig
    init(_ config: Config) throws
    /// Names of the numbers kept for each element, under which checkpoints store them.
    var stateNames: [String] { get }
    /// Which of `stateNames` are never negative (mean squares): kept in 8 bits, they need no sign and are rounded so that
    /// they do not become 0.
    var nonnegativeStates: Set<String> { get }
    /// Numbers that change from step to step (bias corrections), for step 1, 2, ...
    func scalars(step: Int) -> [Double]
    /// The new weight and states of one element.
    func update(_ element: UpdateElement) -> UpdatedElement
}

extension Optimizer {
    public var nonnegativeStates: Set<String> { [] }
    public func scalars(step: Int) -> [Double] { [] }
}

/// What a rule reads.
public struct UpdateElement {
    public let weight: Symbol
    /// The gradient, clipped already.
    public let gradient: Symbol
    /// In the order of `stateNames`.
    public let states: [Symbol]
    public let lr: Symbol
    /// The group's decay: 0 where the recipe says so.
    public let weightDecay: Symbol
    /// What `scalars(step:)` returned.
    public let scalars: [Symbol]
}

/// What a rule writes.
public struct UpdatedElement {
    public let weight: Symbol
    public let states: [Symbol]

    public init(weight: Symbol, states: [Symbol]) {
        self.weight = weight
        self.states = states
    }
}

/// An optimizer that treats some parameters as whole matrices (Muon, Shampoo); the others follow `update(_:)`.
///
/// `matrixStateNames` may differ from `stateNames`; every state has the parameter's shape.
public protocol WholeMatrixOptimizer: Optimizer {
    var matrixStateNames: [String] { get }
    /// Whether the parameter is updated as a matrix.
    func needsWholeMatrix(name: String, shape: [Int]) -> Bool
    /// Updates weight and states in place.
    func update(_ matrix: MatrixUpdate)
}

/// A whole matrix with its gradient and states.
public struct MatrixUpdate {
    /// [rows, columns]
    public let weight: Tensor
    /// Not clipped yet: multiply by `gradientScale`.
    public let gradient: Tensor
    /// In the order of `matrixStateNames`.
    public let states: [Tensor]
    public let lr: Double
    public let weightDecay: Double
    public let gradientScale: Double
    /// 1, 2, ...
    public let step: Int
}
