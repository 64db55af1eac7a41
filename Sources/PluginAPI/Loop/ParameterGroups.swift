public import Core

/// Which learning rate and decay each parameter gets, and which are frozen.
///
/// Parameters of one group share an arena, so a group is also what an update runs over: decayed or not, and whole
/// matrices apart from the rest.
public struct ParameterGroups: Sendable {
    /// One set of settings.
    public struct Group: Sendable, Hashable {
        public let lr: Double
        public let weightDecay: Double
        /// Whether a `WholeMatrixOptimizer` takes these parameters as matrices.
        public let isWholeMatrix: Bool
    }

    public private(set) var groups: [Group] = []
    private var numbers: [String: Int] = [:]

    /// - Parameters:
    ///   - specs: the model's parameters.
    ///   - optimizer: asked which parameters it treats as matrices.
    ///   - settings: the recipe's optimizer section.
    ///   - freeze: patterns of names that are not trained.
    /// - Throws: `InputError` for a pattern that matches nothing.
    public init(
        _ specs: [ParameterSpec], _ optimizer: any Optimizer, _ settings: OptimizerSettings, freeze: [NamePattern]
    ) throws {
        let named = settings.groups.map { ("optimizer.groups", $0.match) } + freeze.map { ("model.freeze", $0) }
        let idle = named.filter { _, pattern in !specs.contains { pattern.matches($0.name) } }
        guard idle.isEmpty else {
            throw InputError(
                idle.map { place, pattern in
                    let near = NearestName.of(pattern.text, in: specs.map(\.name)) ?? specs.first?.name ?? ""
                    return InputProblem(
                        place, "the pattern '\(pattern.text)' matches no parameter; one is named '\(near)'")
                })
        }
        for spec in specs where !freeze.contains(where: { $0.matches(spec.name) }) {
            let rule = settings.groups.last { $0.match.matches(spec.name) }
            let decays = settings.decay == .all || spec.shape.count >= 2
            let matrices = optimizer as? any WholeMatrixOptimizer
            let group = Group(
                lr: rule?.lr ?? settings.lr,
                weightDecay: rule?.weightDecay ?? (decays ? settings.weightDecay : 0),
                isWholeMatrix: matrices?.needsWholeMatrix(name: spec.name, shape: spec.shape) ?? false)
            let number = groups.firstIndex(of: group) ?? groups.count
            if number == groups.count { groups.append(group) }
            numbers[spec.name] = number
        }
    }

    /// The group's number; nil = frozen.
    public func number(of parameter: String) -> Int? { numbers[parameter] }
}

/// The optimizer settings that every optimizer has.
public struct OptimizerSettings: Sendable {
    public enum Decay: String, Sendable, Codable {
        /// Parameters with two dims or more.
        case matrices
        case all
    }

    /// A rule for parameters with certain names; the last that matches wins.
    public struct Rule: Sendable {
        public let match: NamePattern
        public let lr: Double?
        public let weightDecay: Double?

        public init(match: NamePattern, lr: Double?, weightDecay: Double?) {
            self.match = match
            self.lr = lr
            self.weightDecay = weightDecay
        }
    }

    public var lr: Double
    public var weightDecay: Double
    public var decay: Decay
    /// nil = what the weights' precision comes with
    public var states: StateStorage?
    public var groups: [Rule]

    public init(lr: Double, weightDecay: Double, decay: Decay, states: StateStorage? = nil, groups: [Rule]) {
        self.lr = lr
        self.weightDecay = weightDecay
        self.decay = decay
        self.states = states
        self.groups = groups
    }
}

/// A pattern over parameter names: `*` stands for any characters, everything else for itself.
public struct NamePattern: Sendable, Hashable {
    public let text: String
    private let parts: [[UInt8]]

    public init(_ text: String) {
        self.text = text
        parts = text.split(separator: "*", omittingEmptySubsequences: false).map { Array($0.utf8) }
    }

    /// Whether the whole name fits.
    public func matches(_ name: String) -> Bool {
        var rest = Array(name.utf8)[...]
        for (index, part) in parts.enumerated() {
            let isFirst = index == 0
            let isLast = index == parts.count - 1
            if isFirst {
                guard rest.starts(with: part) else { return false }
                rest = rest.dropFirst(part.count)
                if isLast { return rest.isEmpty }
            } else if isLast {
                return rest.count >= part.count && rest.suffix(part.count).elementsEqual(part)
            } else {
                guard let range = NamePattern.firstRange(of: part, in: rest) else { return false }
                rest = rest[range.upperBound...]
            }
        }
        return true
    }

    private static func firstRange(of part: [UInt8], in bytes: ArraySlice<UInt8>) -> Range<Int>? {
        guard bytes.count >= part.count else { return nil }
        return (bytes.startIndex...bytes.endIndex - part.count).lazy
            .map { $0..<$0 + part.count }
            .first { bytes[$0].elementsEqual(part) }
    }
}
