public import DataLoader

/// A loader's `shuffle:` setting: false, true, or the name of an order.
public enum ShuffleSetting: Codable, Sendable, Hashable {
    /// The samples as they are stored.
    case none
    /// The default order: random, O(1) in memory and in the time to resume.
    case standard
    /// An order by name, e.g. `py1e`.
    case named(String)

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // What is no truth value is a name, or an error of the second attempt.
        if let isOn = try? container.decode(Bool.self) {
            self = isOn ? .standard : .none
        } else {
            self = .named(try container.decode(String.self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .none: try container.encode(false)
        case .standard: try container.encode(true)
        case .named(let name): try container.encode(name)
        }
    }

    /// The orders by name: ours, and MosaicML Streaming's.
    public static let names = ["feistel"] + MosaicShuffle.Algorithm.allCases.map(\.rawValue)

    /// The order itself.
    /// - Parameters:
    ///   - seed: of the order.
    ///   - blockSize: samples that are mixed with each other; nil = the order's own default.
    ///   - canonicalNodeCount: of MosaicML's orders.
    /// - Throws: `InputError` that names the orders there are.
    public func shuffle(seed: UInt64, blockSize: Int?, canonicalNodeCount: Int) throws -> any Shuffle {
        var problems: [InputProblem] = []
        if let blockSize, blockSize < 4 {
            problems.append(InputProblem("data.loader.shuffle_block_size", "found \(blockSize), expected 4 or more"))
        }
        if canonicalNodeCount < 1 {
            problems.append(
                InputProblem("data.loader.canonical_nodes", "found \(canonicalNodeCount), expected 1 or more"))
        }
        if case .named(let name) = self, !ShuffleSetting.names.contains(name) {
            let near = NearestName.of(name, in: ShuffleSetting.names).map { "; did you mean '\($0)'?" } ?? ""
            problems.append(
                InputProblem(
                    "data.loader.shuffle",
                    "found '\(name)', expected true, false, or one of "
                        + ShuffleSetting.names.joined(separator: ", ") + near))
        }
        if !problems.isEmpty { throw InputError(problems) }
        switch self {
        case .none: return SequentialShuffle()
        case .named(let name):
            if let algorithm = MosaicShuffle.Algorithm(rawValue: name) {
                return MosaicShuffle(
                    algorithm, seed: seed, canonicalNodeCount: canonicalNodeCount, blockSize: blockSize)
            }
            return BlockShuffle(seed: seed, blockSize: blockSize)
        case .standard: return BlockShuffle(seed: seed, blockSize: blockSize)
        }
    }
}
