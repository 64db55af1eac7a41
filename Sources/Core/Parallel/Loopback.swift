import Foundation

/// Ranks as threads of one process: what runs on N machines can be run, and tested, in one.
///
/// Each rank is an operating-system thread of its own, never a task; a waiting rank sleeps on a condition.
public final class Loopback: Communicator {
    public let rank: Int
    public var rankCount: Int { group.rankCount }
    private let group: Group

    private init(_ group: Group, rank: Int) {
        self.group = group
        self.rank = rank
    }

    public func gather(_ bytes: [UInt8]) throws -> [[UInt8]] { try group.exchange(rank, bytes) }

    /// Runs `body` on `count` ranks and waits for all of them.
    /// - Returns: the ranks' results, in their order.
    /// - Throws: the error of the rank that failed first; ranks that wait for it end with `PeerLost`.
    public static func run<Result: Sendable>(
        ranks count: Int, _ body: @escaping @Sendable (Loopback) throws -> Result
    ) throws -> [Result] {
        precondition(count > 0, "loopback: \(count) ranks")
        let group = Group(count)
        let results = Results<Result>(count)
        let threads = (0..<count).map { rank in
            let thread = Thread {
                do {
                    results.set(try body(Loopback(group, rank: rank)), rank)
                } catch {
                    group.fail(rank, error)
                }
                group.leave(rank)
            }
            // The main thread's size: the secondary threads' default is too small for deep graphs.
            thread.stackSize = 8 << 20
            return thread
        }
        for thread in threads { thread.start() }
        try group.wait()
        return results.values
    }
}

/// What the ranks share.
// Proof of safety: every stored property that changes is read and written while `condition` is locked.
private final class Group: @unchecked Sendable {
    let rankCount: Int
    private let condition = NSCondition()
    private var arrived: [[UInt8]?]
    private var result: [[UInt8]] = []
    private var round = 0
    private var lost: Int?
    private var failure: (any Error)?
    private var runningCount: Int

    init(_ count: Int) {
        rankCount = count
        arrived = Array(repeating: nil, count: count)
        runningCount = count
    }

    func exchange(_ rank: Int, _ bytes: [UInt8]) throws -> [[UInt8]] {
        condition.lock()
        defer { condition.unlock() }
        let mine = round
        arrived[rank] = bytes
        let everyone = arrived.compactMap { $0 }
        if everyone.count == rankCount {
            // Nobody can start the next round before everyone has this result: each must arrive again first.
            result = everyone
            arrived = Array(repeating: nil, count: rankCount)
            round += 1
            condition.broadcast()
            return result
        }
        while round == mine {
            if let lost { throw PeerLost(rank: lost) }
            condition.wait()
        }
        return result
    }

    func fail(_ rank: Int, _ error: any Error) {
        condition.lock()
        defer { condition.unlock() }
        if failure == nil { failure = error }
    }

    /// A rank that has ended will never arrive again.
    func leave(_ rank: Int) {
        condition.lock()
        defer { condition.unlock() }
        if lost == nil { lost = rank }
        runningCount -= 1
        condition.broadcast()
    }

    func wait() throws {
        condition.lock()
        defer { condition.unlock() }
        while runningCount > 0 { condition.wait() }
        if let failure { throw failure }
    }
}

/// One result a rank.
// Proof of safety: `slots` is read and written while `lock` is held.
private final class Results<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var slots: [Value?]

    init(_ count: Int) { slots = Array(repeating: nil, count: count) }

    func set(_ value: Value, _ rank: Int) { lock.withLock { slots[rank] = value } }

    var values: [Value] { lock.withLock { slots.compactMap { $0 } } }
}
