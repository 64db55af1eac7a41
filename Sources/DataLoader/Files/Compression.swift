/// How shard files are compressed: the algorithm, and the level as the writer's user spelled it (`zstd:7`).
public struct Compression: Sendable, Hashable, CustomStringConvertible {
    /// The compressions that can be read and written.
    public enum Algorithm: String, Sendable, CaseIterable {
        case zstd, gz
    }

    /// What compresses.
    public let algorithm: Algorithm
    /// The level: zstd 1 to 22, gz 0 to 9.
    public let level: Int
    /// The name as it was given, which the index of a data set repeats.
    public let description: String

    /// - Parameter name: `zstd`, `zstd:LEVEL`, `gz` or `gz:LEVEL`.
    /// - Throws: ``DataError`` that lists what is supported.
    public init(_ name: String) throws {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard let algorithm = Algorithm(rawValue: String(parts[0])) else {
            throw DataError(
                "cannot use compression \"\(name)\": supported are zstd, gz and none",
                hint: "write the data set again with --compression zstd")
        }
        let levels = algorithm == .zstd ? 1...22 : 0...9
        let level = parts.count == 1 ? (algorithm == .zstd ? 3 : 9) : Int(parts[1])
        guard parts.count <= 2, let level, levels.contains(level) else {
            throw DataError(
                "cannot use compression \"\(name)\": the level of \(algorithm.rawValue) is a number from "
                    + "\(levels.lowerBound) to \(levels.upperBound)")
        }
        self.algorithm = algorithm
        self.level = level
        description = name
    }

    /// What a compressed file's name ends with, without the dot.
    public var fileExtension: String { algorithm.rawValue }
}
