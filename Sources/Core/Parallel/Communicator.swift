/// What ranks say to each other. Every method is collective: all ranks call it, in the same order.
///
/// A communicator belongs to one rank's thread of control.
public protocol Communicator: AnyObject {
    /// 0 ..< `rankCount`
    var rank: Int { get }
    var rankCount: Int { get }
    /// Everyone's bytes, in the order of ranks.
    /// - Throws: `PeerLost`.
    func gather(_ bytes: [UInt8]) throws -> [[UInt8]]
}

extension Communicator {
    /// The sum over ranks, element by element, in float64 and in the order of ranks: the same bits on all of them.
    /// - Throws: `PeerLost`.
    public func sum(_ values: [Double]) throws -> [Double] {
        let everyone = try gather(values.flatMap { value in withUnsafeBytes(of: value.bitPattern, Array.init) })
        var total = [Double](repeating: 0, count: values.count)
        for (rank, bytes) in everyone.enumerated() {
            precondition(bytes.count == values.count * 8, "sum: rank \(rank) sent \(bytes.count / 8) of \(values.count) values")
            bytes.withUnsafeBytes { raw in
                for index in total.indices {
                    total[index] += Double(bitPattern: raw.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
                }
            }
        }
        return total
    }

    /// The bytes of rank `root`; what the others pass is ignored.
    /// - Throws: `PeerLost`.
    public func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8] {
        try gather(rank == root ? bytes : [])[root]
    }

    /// Returns when every rank has called it.
    /// - Throws: `PeerLost`.
    public func barrier() throws { _ = try gather([]) }
}

/// Another rank ended while this one waited for it.
public struct PeerLost: Error, Sendable, CustomStringConvertible {
    /// The first rank that ended.
    public let rank: Int

    public var description: String { "rank \(rank) ended while others waited for it" }
}
