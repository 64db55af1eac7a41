internal import Foundation

/// Host copies of pieces of tensors on their way to the thread that writes them, limited in bytes.
///
/// `@unchecked Sendable`: every property is read and written under `condition` only.
final class SnapshotQueue: @unchecked Sendable {
    struct Piece: Sendable {
        let item: Int
        let offset: Int
        let bytes: [UInt8]
    }

    private let condition = NSCondition()
    private let byteLimit: Int
    private var pieces: [Piece] = []
    private var bytesInFlight = 0
    private var isClosed = false
    private var result: Result<Void, any Error>?

    init(byteLimit: Int) { self.byteLimit = byteLimit }

    /// Waits until the piece fits below the limit (a piece larger than the limit travels alone).
    /// - Returns: false when the writing thread has failed and takes no more.
    func push(_ piece: Piece) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while bytesInFlight > 0 && bytesInFlight + piece.bytes.count > byteLimit && result == nil { condition.wait() }
        if result != nil { return false }
        pieces.append(piece)
        bytesInFlight += piece.bytes.count
        condition.broadcast()
        return true
    }

    /// Says that no piece follows.
    func close() {
        condition.lock()
        defer { condition.unlock() }
        isClosed = true
        condition.broadcast()
    }

    /// The next piece; nil after the last. The bytes of the piece before count as free now.
    func pop(freeing previous: Int) -> Piece? {
        condition.lock()
        defer { condition.unlock() }
        bytesInFlight -= previous
        condition.broadcast()
        while pieces.isEmpty && !isClosed { condition.wait() }
        return pieces.isEmpty ? nil : pieces.removeFirst()
    }

    /// Called once by the writing thread when it is done.
    func end(_ result: Result<Void, any Error>) {
        condition.lock()
        defer { condition.unlock() }
        self.result = result
        pieces = []
        condition.broadcast()
    }

    /// Waits for `end`.
    func wait() throws {
        condition.lock()
        while result == nil { condition.wait() }
        let result = result
        condition.unlock()
        try result?.get()
    }
}
