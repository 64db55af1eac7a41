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

    /// Where each parameter lies, by name.
    public let places: [String: ParameterPlace]

    /// Allocates all parameters and fills them.
    /// - Parameters:
    ///   - specs: declared parameters with different names; a tied parameter is declared once.
    ///   - precision: element types of masters and compute copies.
    ///   - seed: for the initializers; nil leaves zeros, for parameters that are set next (then call
    ///     `refreshCompute`).
    ///   - group: the optimizer group of a parameter name; nil = frozen.
    ///   - place: what this rank holds of a parameter; nil = nothing.
    ///   - sharding: which range of an arena this rank owns. Where that is not all of it, the compute copies are whole
    ///     only after the ranks have gathered them.
    ///   - lent: values of frozen parameters, in the compute type, that are read where they lie (in a mapped file)
    ///     instead of in an arena.
    public init(
        _ specs: [ParameterSpec], _ runtime: Runtime, precision: Precision, seed: UInt64?,
        group: (String) -> Int? = { _ in 0 },
        place: (ParameterSpec) -> ParameterPlace? = { ParameterPlace(whole: $0.shape) },
        sharding: (Arena.Key) -> ArenaSharding = { _ in .whole }, lent: [String: Tensor] = [:]
    ) {
        var order: [Arena.Key] = []
        var members: [Arena.Key: [(spec: ParameterSpec, place: ParameterPlace)]] = [:]
        let held = specs.compactMap { spec in place(spec).map { (spec: spec, place: $0) } }
        var lentParameters: [Parameter] = []
        for (spec, place) in held {
            let part = place.part
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
            let key = Arena.Key(spec, group: group(spec.name))
            if members[key] == nil { order.append(key) }
            members[key, default: []].append((spec, place))
        }
        let arenas = order.map {
            Arena(members[$0] ?? [], runtime, $0, precision: precision, sharding: sharding($0))
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
        places = Dictionary(uniqueKeysWithValues: held.map { ($0.spec.name, $0.place) })
        guard let seed else { return }
        let specs = Dictionary(uniqueKeysWithValues: held.map { ($0.spec.name, $0.spec) })
        setMasters { name, part, tensor in
            guard let spec = specs[name] else { return }
            let source = Philox(seed: seed, stream: "init/" + name)
            for (box, range) in part.pieces {
                let piece = part.boxes.count == 1 ? tensor.view : tensor.view.sliced(dim: part.dim, range)
                spec.initializer.fill(Tensor(piece, runtime), box, of: spec.shape, source)
            }
        }
    }

    /// Sets the masters of all parameters that lie in arenas, and the owned parts of their compute copies.
    /// - Parameter body: receives a parameter's name and part, and fills a tensor of the part's shape in the masters' type.
    public func setMasters(_ body: (_ name: String, _ part: ParameterPart, Tensor) throws -> Void) rethrows {
        for arena in arenas {
            for entry in arena.entries {
                try arena.set(entry) { try body(entry.name, entry.part, $0) }
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
