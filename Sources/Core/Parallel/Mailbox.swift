import Foundation

/// A message that waits for its receiver.
// Proof of safety: `bytes` and `envelope` never change, and `isTaken` is read and written while the sender's mailbox is
// locked.
final class Parcel: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer
    let envelope: Envelope
    /// Whether the receiver has copied the bytes.
    var isTaken = false

    init(_ bytes: UnsafeRawBufferPointer, _ envelope: Envelope) { (self.bytes, self.envelope) = (bytes, envelope) }
}

/// What has been sent to one rank.
// Proof of safety: every stored property that changes is read and written while `condition` is locked.
final class Mailbox: @unchecked Sendable {
    struct Key: Hashable {
        /// The other rank.
        let peer: Int
        let tag: Envelope.Tag
    }

    private struct Slot: Hashable {
        let key: Key
        /// Counted among the messages of a key.
        let place: Int
    }

    private let condition = NSCondition()
    private var parcels: [Slot: Parcel] = [:]

    func put(_ parcel: Parcel, _ key: Key, place: Int) { update { parcels[Slot(key: key, place: place)] = parcel } }

    /// The parcel, which leaves the mailbox; called inside `wait`.
    func take(_ key: Key, place: Int) -> Parcel? { parcels.removeValue(forKey: Slot(key: key, place: place)) }

    /// Takes a parcel back, unless the owner has taken it.
    /// - Returns: whether it was still there.
    func withdraw(_ parcel: Parcel) -> Bool {
        condition.withLock {
            guard let slot = parcels.first(where: { $0.value === parcel })?.key else { return false }
            parcels[slot] = nil
            return true
        }
    }

    /// Changes what the owner may wait for.
    func update(_ change: () -> Void) {
        condition.withLock {
            change()
            condition.broadcast()
        }
    }

    /// Sleeps until `ready` gives a result.
    /// - Returns: nil when that took longer than `timeout` seconds.
    func wait<Result>(timeout: Double, _ ready: () throws -> Result?) rethrows -> Result? {
        let deadline = Date(timeIntervalSinceNow: timeout)
        return try condition.withLock {
            while true {
                if let result = try ready() { return result }
                if !condition.wait(until: deadline) { return try ready() }
            }
        }
    }
}

/// The mailboxes of all ranks, and who is still there.
// Proof of safety: `left` is read and written while `lock` is held.
final class Mailboxes: @unchecked Sendable {
    let mailboxes: [Mailbox]
    private let lock = NSLock()
    private var left: Set<Int> = []

    init(_ count: Int) { mailboxes = (0..<count).map { _ in Mailbox() } }

    func hasLeft(_ rank: Int) -> Bool { lock.withLock { left.contains(rank) } }

    /// A rank that has ended will send nothing more; those who wait for it look again.
    func leave(_ rank: Int) {
        lock.withLock { _ = left.insert(rank) }
        for mailbox in mailboxes { mailbox.update {} }
    }
}

/// What becomes of the ranks of a run.
// Proof of safety: every stored property is read and written while `condition` is locked.
final class Outcome<Value: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var values: [Value?]
    private var failure: (any Error)?
    private var runningCount: Int

    init(_ count: Int) {
        values = Array(repeating: nil, count: count)
        runningCount = count
    }

    func set(_ value: Value, _ rank: Int) { condition.withLock { values[rank] = value } }

    /// The first failure is the one that counts.
    func fail(_ error: any Error) { condition.withLock { if failure == nil { failure = error } } }

    func leave() {
        condition.withLock {
            runningCount -= 1
            condition.broadcast()
        }
    }

    func wait() throws -> [Value] {
        try condition.withLock {
            while runningCount > 0 { condition.wait() }
            if let failure { throw failure }
            return values.compactMap { $0 }
        }
    }
}
