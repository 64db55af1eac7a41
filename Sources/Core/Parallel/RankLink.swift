/// One rank's end of the run's transport, shared by all of its communicators.
///
/// Collectives run inside forward and backward passes, which cannot throw. When one fails, the failure is kept, what
/// was to be received stays undefined, and every later collective returns at once: the loop calls `check` before it
/// believes any number.
public final class RankLink {
    /// Seconds without an answer after which a rank is taken to be stuck.
    public static let standardTimeout = 600.0

    public let recorder = FlightRecorder()
    public let runtime: Runtime
    /// Whether ranks tell each other what they are about to do before each collective, so that those out of step are
    /// named. Costs an exchange each.
    public var checksOrder = false
    let transport: any Transport
    private let timeout: Double
    /// What went wrong first.
    public private(set) var failure: (any Error)?
    /// Collectives that are under way, by their place in the record: others read and write their memory until they are
    /// finished, whether or not someone still holds them.
    private var open: [Int: PendingCollective] = [:]

    public var rank: Int { transport.rank }
    public var rankCount: Int { transport.rankCount }

    /// - Parameters:
    ///   - transport: carries the messages.
    ///   - runtime: the rank's.
    ///   - timeout: see `standardTimeout`.
    public init(_ transport: any Transport, _ runtime: Runtime, timeout: Double = RankLink.standardTimeout) {
        (self.transport, self.runtime, self.timeout) = (transport, runtime, timeout)
    }

    /// - Throws: what went wrong first in any collective of this rank.
    public func check() throws {
        if let failure { throw failure }
    }

    /// Keeps a failure that was found elsewhere.
    func fail(_ error: any Error) { if failure == nil { failure = error } }

    func started(_ collective: PendingCollective, _ entry: Int) { open[entry] = collective }

    func finished(_ entry: Int) {
        open[entry] = nil
        recorder.finished(entry)
    }

    /// Waits for messages; a failure is kept.
    /// - Returns: whether they have arrived.
    func wait(for messages: [MessageNumber]) -> Bool {
        do {
            try check()
            try transport.wait(for: messages, timeout: timeout)
            return true
        } catch {
            fail(error)
            return false
        }
    }
}
