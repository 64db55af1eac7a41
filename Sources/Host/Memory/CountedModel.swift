import Core
import PluginAPI

/// A model with its optimizer on a backend that counts memory, for steps whose peak is wanted.
struct CountedModel {
    let policy: PolicyModel
    let update: WeightUpdate
    /// Frozen models beside the policy, by role.
    private(set) var frozen: [String: PolicyModel] = [:]
    private let backend: CountingBackend
    private let stateByteCount: Int

    init(
        _ source: ModelSource, precision: Precision, checkpointing: DecoderModel.Checkpointing,
        optimizer: any Optimizer, groups: ParameterGroups, states: StateStorage?
    ) throws {
        backend = precision == .float64
            ? .reference() : .cpu(threads: Machine.threadCount, products: try ProductTableFile.table())
        policy = try source.build(
            Runtime(backend), precision: precision, seed: 0, checkpointing: checkpointing, loads: false,
            group: { groups.number(of: $0) })
        let before = backend.byteCount
        update = WeightUpdate(optimizer, policy.store, groups, storage: states)
        stateByteCount = backend.byteCount - before
    }

    /// Adds a frozen model.
    mutating func add(_ source: ModelSource, role: String, precision: Precision) throws {
        frozen[role] = try source.build(
            policy.runtime, precision: precision, seed: 0, loads: false, group: { _ in nil })
    }

    /// The memory of what `step` does with the model.
    /// - Parameter process: bytes that the process has without the model.
    func estimate(process: Int, _ step: () throws -> Void) rethrows -> MemoryEstimate {
        let kept = backend.byteCount
        try step()
        let arenas = policy.store.arenas
        func sum(_ tensors: [Tensor?]) -> Int {
            tensors.reduce(0) { $0 + ($1.map { $0.elementCount * $0.dtype.byteCount } ?? 0) }
        }
        let (weights, copies) = (sum(arenas.map(\.weights)), sum(arenas.map(\.compute)))
        let gradients = sum(arenas.map(\.gradients)) + sum(arenas.map(\.gradientShard))
        let beside = frozen.values.reduce(0) { $0 + sum($1.store.arenas.map(\.weights)) }
        let tables = kept - weights - copies - gradients - stateByteCount - beside
        let activations = max(0, backend.peakBufferByteCount - kept)
        return MemoryEstimate(parts: [
            .init(name: "weights", byteCount: weights),
            .init(name: "compute copies", byteCount: copies),
            .init(name: "gradients", byteCount: gradients),
            .init(name: "optimizer states", byteCount: stateByteCount),
            .init(name: "frozen models", byteCount: beside),
            .init(name: "position tables", byteCount: tables),
            .init(name: "activations", byteCount: activations),
            .init(name: "workspace", byteCount: max(0, backend.peakByteCount - kept - activations)),
            .init(name: "process and data", byteCount: process),
        ])
    }
}
