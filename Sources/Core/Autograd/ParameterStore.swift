internal import Random

/// All parameters of a model on one rank: named views into flat arenas, one arena per (block, group, element type), and
/// frozen ones that lie elsewhere.
public final class ParameterStore {
    /// What was declared of what this rank holds, in the model's order.
    public let specs: [ParameterSpec]
    public let precision: Precision
    /// In order of first appearance of (block, group) among `specs`.
    public let arenas: [Arena]
    /// In the order of `specs`.
    public let parameters: [Parameter]
    private let byName: [String: Parameter]

    /// Allocates all parameters and fills them.
    /// - Parameters:
    ///   - specs: declared parameters with different names; a tied parameter is declared once.
    ///   - precision: element types of masters and compute copies.
    ///   - seed: for the initializers; nil leaves zeros, for parameters that are loaded next (then call
    ///     `refreshCompute`).
    ///   - group: the optimizer group of a parameter name; nil = frozen.
    ///   - part: what this rank holds of a parameter; nil = nothing.
    ///   - lent: values of frozen parameters, in the compute type, that are read where they lie (in a mapped file)
    ///     instead of in an arena.
    public init(
        _ specs: [ParameterSpec], _ runtime: Runtime, precision: Precision, seed: UInt64?,
        group: (String) -> Int? = { _ in 0 }, part: (ParameterSpec) -> ParameterPart? = { ParameterPart(whole: $0.shape) },
        lent: [String: Tensor] = [:]
    ) {
        struct Key: Hashable {
            let block: String
            let group: Int?
        }
        var order: [Key] = []
        var members: [Key: [(spec: ParameterSpec, part: ParameterPart)]] = [:]
        let held = specs.compactMap { spec in part(spec).map { (spec: spec, part: $0) } }
        var lentParameters: [Parameter] = []
        for (spec, part) in held {
            precondition(
                part.boxes.allSatisfy { BufferView.boxFits($0.size, at: $0.offset, in: spec.shape) },
                "parameter store: \(part.boxes) is no part of '\(spec.name)' \(spec.shape)")
            if let value = lent[spec.name] {
                precondition(
                    group(spec.name) == nil && value.shape == part.shape && value.dtype == precision.compute,
                    "parameter store: '\(spec.name)' cannot be lent as \(value.dtype) \(value.shape)")
                lentParameters.append(Parameter(name: spec.name, value: value, gradient: nil))
                continue
            }
            let key = Key(block: spec.block, group: group(spec.name))
            if members[key] == nil { order.append(key) }
            members[key, default: []].append((spec, part))
        }
        let arenas = order.map {
            Arena(members[$0] ?? [], runtime, block: $0.block, group: $0.group, precision: precision)
        }
        let all = arenas.flatMap { $0.makeParameters() } + lentParameters
        let byName = Dictionary(all.map { ($0.name, $0) }) { first, _ in
            preconditionFailure("parameter store: two parameters are named '\(first.name)'")
        }
        self.specs = held.map(\.spec)
        self.precision = precision
        self.arenas = arenas
        self.byName = byName
        self.parameters = held.compactMap { byName[$0.spec.name] }
        guard let seed else { return }
        for ((spec, part), parameter) in zip(held, parameters) where lent[spec.name] == nil {
            let source = Philox(seed: seed, stream: "init/" + spec.name)
            for (box, range) in part.pieces {
                let piece = part.boxes.count == 1 ? parameter.value.view : parameter.value.view.sliced(dim: part.dim, range)
                spec.initializer.fill(Tensor(piece, runtime), box, of: spec.shape, source)
            }
        }
        refreshCompute()
    }

    /// The parameter declared as `name`.
    public subscript(name: String) -> Parameter {
        guard let parameter = byName[name] else {
            preconditionFailure("parameter store: no parameter named '\(name)' was declared")
        }
        return parameter
    }

    /// The parameter declared as `name`; nil when none was.
    public func find(_ name: String) -> Parameter? { byName[name] }

    /// Sets all gradients to 0.
    public func zeroGradients() {
        for arena in arenas { arena.zeroGradients() }
    }

    /// Copies all masters into their compute copies; call after each change of masters.
    public func refreshCompute() {
        for arena in arenas { arena.refreshCompute() }
    }
}
