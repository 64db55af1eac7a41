import Foundation

/// Keeps decompressed shards in memory, the least recently used ones going first.
///
/// A shard that two threads ask for is opened once. Samples that are still held keep their shard's memory alive after
/// it left the cache, so the limit bounds what the cache itself holds.
final class ShardCache: @unchecked Sendable {
    // Proof of safety: every stored variable below is read and written only while `condition` is locked.
    private let condition = NSCondition()
    private var open: [(number: Int, shard: OpenShard)] = []
    private var opening: Set<Int> = []
    private let limit: Int

    /// - Parameter limit: bytes of decompressed shards to hold; a single larger shard is held all the same.
    init(limit: Int) { self.limit = limit }

    /// Shard `number`, made by `make` if it is not held.
    ///
    /// - Parameter byteCount: its size, for which room is made before it is opened.
    func shard(
        _ number: Int, byteCount: @autoclosure () -> Int, make: () throws -> OpenShard
    ) throws -> OpenShard {
        if let shard = held(number, byteCount) { return shard }
        do {
            let shard = try make()
            finish(number, shard)
            return shard
        } catch {
            finish(number, nil)
            throw error
        }
    }

    /// The shard if it is held; otherwise makes room, marks it as being opened, and answers nil.
    private func held(_ number: Int, _ byteCount: () -> Int) -> OpenShard? {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let place = open.lastIndex(where: { $0.number == number }) {
                if place < open.count - 1 { open.append(open.remove(at: place)) }
                return open[open.count - 1].shard
            }
            guard opening.contains(number) else { break }
            condition.wait()
        }
        var total = open.reduce(byteCount()) { $0 + $1.shard.buffer.count }
        while total > limit, !open.isEmpty { total -= open.removeFirst().shard.buffer.count }
        opening.insert(number)
        return nil
    }

    private func finish(_ number: Int, _ shard: OpenShard?) {
        condition.lock()
        defer { condition.unlock() }
        opening.remove(number)
        if let shard { open.append((number, shard)) }
        condition.broadcast()
    }
}
