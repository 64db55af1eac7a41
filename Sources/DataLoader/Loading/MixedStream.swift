import Synchronization

/// Several streams mixed by weight: itself a stream, so mixes nest and resume from one cursor.
///
/// The share of each stream is exact to within two samples at any point (``MixOrder``), and each stream is read in its
/// own order, over as many epochs of its own as it takes.
public final class MixedStream: SampleStream {
    /// One stream of a mix.
    public struct Part: Sendable {
        /// What the plan calls it, e.g. its path.
        public let name: String
        /// Its samples.
        public let stream: any SampleStream
        /// Its share, relative to the other weights.
        public let weight: Double

        /// A stream and its weight.
        public init(name: String, stream: any SampleStream, weight: Double) {
            self.name = name
            self.stream = stream
            self.weight = weight
        }
    }

    /// The streams.
    public let parts: [Part]
    /// The digest of all streams' data, in order.
    public let fingerprint: String
    /// The mix's seed, and each part's weight and plan under `part.<number>.`.
    public let plan: [String: String]
    private let order: MixOrder
    private let recent = Mutex<[(window: Int, draws: [MixOrder.Draw])]>([])
    private static let windowLength = 1024

    /// - Throws: ``DataError`` when there is no part or a weight is not positive.
    public init(_ parts: [Part], seed: UInt64) throws {
        let wrong = parts.filter { !($0.weight > 0 && $0.weight.isFinite) }
        guard wrong.isEmpty, !parts.isEmpty else {
            let named = wrong.map { "\($0.name) has \($0.weight)" }
            let found = parts.isEmpty ? "there is none" : named.joined(separator: ", ")
            throw DataError(
                "cannot mix data sets: every one needs a positive weight, \(found)",
                hint: "remove data sets of weight 0 from data.train")
        }
        self.parts = parts
        order = MixOrder(weights: parts.map(\.weight), seed: seed)
        let prints = parts.map(\.stream.fingerprint).joined(separator: " ")
        fingerprint = "mix-" + Array(prints.utf8).withUnsafeBytes { HashAlgorithm.sha256.digest(of: $0) }.prefix(16)
        var plan = ["mix_seed": String(seed)]
        for (number, part) in parts.enumerated() {
            plan["part.\(number).weight"] = String(part.weight)
            for (key, value) in part.stream.plan { plan["part.\(number).\(key)"] = value }
        }
        self.plan = plan
    }

    /// The sum of the parts' epochs; how often each part is read in that time depends on the weights.
    public var epochLength: Int { parts.reduce(0) { $0 + $1.stream.epochLength } }

    /// The sample at `position`.
    public func sample(at position: Int) throws -> Sample {
        let draw = draw(at: position)
        return try parts[draw.source].stream.sample(at: draw.position)
    }

    /// The number of the part that is read at `position`, and the position in that part's own stream.
    public func part(at position: Int) -> (number: Int, position: Int) {
        let draw = draw(at: position)
        return (draw.source, draw.position)
    }

    private func draw(at position: Int) -> MixOrder.Draw {
        let (window, offset) = position.quotientAndRemainder(dividingBy: MixedStream.windowLength)
        return recent.withLock { recent in
            if let known = recent.first(where: { $0.window == window }) { return known.draws[offset] }
            let start = window * MixedStream.windowLength
            let draws = order.draws(at: start..<start + MixedStream.windowLength)
            if recent.count == 2 { recent.removeFirst() }
            recent.append((window, draws))
            return draws[offset]
        }
    }
}
