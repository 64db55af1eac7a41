/// A recording of coarse operations, through which gradients flow back.
///
/// Operations are methods of the graph (`graph.linear(x, weight)`): nothing is recorded behind anyone's back, several
/// graphs can be alive at once, and `backward` frees each node as it passes it. A graph made with `recording: false`
/// only computes. Weight gradients accumulate straight into `Parameter.gradient`.
public final class Graph {
    public let runtime: Runtime
    /// Whether operations are recorded for `backward`.
    public let isRecording: Bool
    private var nodes: [Node] = []
    private var slotCount = 0
    private var leafGradients: [Int: Tensor] = [:]
    private var leaves: Set<Int> = []
    /// How to compute a slot's value again, see `save`.
    private var remakers: [Int: (remaker: Remaker, output: Int)] = [:]

    /// A node's gradient function: receives the gradient of each output (nil where none arrived) and whether each input's
    /// gradient is wanted; returns one gradient per input.
    public typealias InputGradients = (_ outputs: [Tensor?], _ wanted: [Bool]) -> [Tensor?]
    /// Adds to the gradients of the node's parameters.
    public typealias WeightGradients = (_ outputs: [Tensor?]) -> Void

    private struct Node {
        let inputs: [Int?]
        let outputs: [Int]
        let inputGradients: InputGradients
        let weightGradients: WeightGradients?
    }

    public init(_ runtime: Runtime, recording: Bool) {
        self.runtime = runtime
        self.isRecording = recording
    }

    /// A tensor whose gradient is kept by `backward` (see `gradient(of:)`).
    public func leaf(_ tensor: Tensor) -> Tensor {
        guard isRecording else { return tensor.detached }
        defer { slotCount += 1 }
        leaves.insert(slotCount)
        return Tensor(tensor.view, runtime, slot: slotCount)
    }

    /// The gradient that `backward` left for a leaf; nil when none arrived.
    public func gradient(of leaf: Tensor) -> Tensor? { leaf.slot.flatMap { leafGradients[$0] } }

    /// Adds an operation to the recording. The closures hold what they need and never the graph itself (operations copy
    /// `runtime` first), so that a graph that is dropped without `backward` frees its nodes.
    /// - Parameters:
    ///   - inputs: what the operation read; gradients flow to those that are part of the graph.
    ///   - outputs: what it wrote.
    ///   - weightGradients: set when parameters that are trained took part.
    ///   - remaking: set for operations that cost little and keep their own inputs for backward anyway: computes the
    ///     outputs again, so that those who need them in backward do not keep them.
    ///   - inputGradients: see `InputGradients`.
    /// - Returns: the outputs, as part of the graph when gradients flow through them.
    public func record(
        inputs: [Tensor], outputs: [Tensor], weightGradients: WeightGradients? = nil,
        remaking: (() -> [Tensor])? = nil, inputGradients: @escaping InputGradients
    ) -> [Tensor] {
        guard isRecording, weightGradients != nil || inputs.contains(where: { $0.slot != nil }) else {
            return outputs.map(\.detached)
        }
        let slots = Array(slotCount..<slotCount + outputs.count)
        slotCount += outputs.count
        if let remaker = remaking.map(Remaker.init) {
            for (output, slot) in slots.enumerated() { remakers[slot] = (remaker, output) }
        }
        nodes.append(
            Node(
                inputs: inputs.map(\.slot), outputs: slots, inputGradients: inputGradients,
                weightGradients: weightGradients))
        return zip(outputs, slots).map { Tensor($0.view, runtime, slot: $1) }
    }

    /// What an operation needs of `tensor` in its backward: the values, or the way to compute them again.
    public func save(_ tensor: Tensor) -> SavedTensor {
        guard let slot = tensor.slot, let (remaker, output) = remakers[slot] else { return SavedTensor(tensor.detached) }
        return SavedTensor(shape: tensor.shape) { remaker.output(output) }
    }

    /// Walks the recording from its end, freeing it, and accumulates gradients.
    /// - Parameters:
    ///   - seeds: outputs and the gradients they start with (same number of elements).
    ///   - deferringWeights: whether weight gradients are returned instead of computed at once, for schedules that fill
    ///     pipeline bubbles with them (Qi et al., "Zero Bubble Pipeline Parallelism", 2023, arXiv 2401.10241).
    /// - Returns: what computes the deferred weight gradients, in order; empty otherwise.
    @discardableResult
    public func backward(from seeds: [(Tensor, gradient: Tensor)], deferringWeights: Bool = false) -> [() -> Void] {
        var gradients = GradientSlots(runtime)
        for (tensor, gradient) in seeds {
            if let slot = tensor.slot { gradients.add(gradient, to: slot) }
        }
        var deferred: [() -> Void] = []
        while let node = nodes.popLast() {
            let outputs = node.outputs.map { gradients.take($0) }
            // All who saved the outputs are done, and so is what was computed again for them.
            defer { for slot in node.outputs { remakers.removeValue(forKey: slot)?.remaker.forget() } }
            if outputs.allSatisfy({ $0 == nil }) { continue }
            if let weightGradients = node.weightGradients {
                if deferringWeights { deferred.append { weightGradients(outputs) } } else { weightGradients(outputs) }
            }
            let wanted = node.inputs.map { $0 != nil }
            guard wanted.contains(true) else { continue }
            for (slot, gradient) in zip(node.inputs, node.inputGradients(outputs, wanted)) {
                if let slot, let gradient { gradients.add(gradient, to: slot) }
            }
        }
        for slot in leaves { leafGradients[slot] = gradients.take(slot) }
        return deferred
    }
}

/// The gradients that have arrived for each slot and not been passed on yet.
private struct GradientSlots {
    private let runtime: Runtime
    private var arrived: [Int: (tensor: Tensor, isOwned: Bool)] = [:]

    init(_ runtime: Runtime) { self.runtime = runtime }

    mutating func take(_ slot: Int) -> Tensor? { arrived.removeValue(forKey: slot)?.tensor }

    /// The first gradient is kept as it came: it may be shared with another slot, so the second makes a new sum, and
    /// only from then on is it added to in place.
    mutating func add(_ gradient: Tensor, to slot: Int) {
        let gradient = gradient.contiguous()
        guard let (held, isOwned) = arrived[slot] else {
            arrived[slot] = (gradient, false)
            return
        }
        let target = isOwned ? held : runtime.empty(held.shape, held.dtype)
        let flat = [held.elementCount]
        runtime.run(
            .map(
                .addition, inputs: [held.view.reshaped(to: flat), gradient.view.reshaped(to: flat)],
                outputs: [target.view.reshaped(to: flat)], scalars: []))
        arrived[slot] = (target, true)
    }
}

extension Program {
    /// a + b
    package static let addition = Program(inputs: 2) { x, _ in [x[0] + x[1]] }
}
