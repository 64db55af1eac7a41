/// One rank's end of the run's transport, shared by all of its communicators.
///
/// Collectives run inside forward and backward passes, which cannot throw. When one fails, the failure is kept, what
/// was to be received stays undefined, and every later collective returns at once: the loop calls `check` before it
/// believes any number.
public final class RankLink {
    /// Seconds without an answer after which a rank is taken to be stuck. After a tenth of them the rank that waits says
    /// for whom: all ranks that wait have said so before the first of them gives up.
    public static let standardTimeout = 600.0

    public let recorder = FlightRecorder()
    public let runtime: Runtime
    /// Whether ranks tell each other what they are about to do before each collective, so that those out of step are
    /// named. Costs an exchange each.
    public var checksOrder = false
    /// Told for whom this rank waits, when that takes long; it goes on waiting.
    public var onStall: (StalledCollective) -> Void = { _ in }
    /// Seconds that this rank has waited for others so far.
    public private(set) var waitedSeconds = 0.0
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

    func started(_ collective: PendingCollective, _ entry: FlightRecorder.Entry) { open[entry.number] = collective }

    func finished(_ entry: FlightRecorder.Entry) {
        open[entry.number] = nil
        recorder.finished(entry.number)
    }

    /// Waits for messages; a failure is kept.
    /// - Parameter entry: the collective that they belong to.
    /// - Returns: whether they have arrived.
    func wait(for messages: [MessageNumber], of entry: FlightRecorder.Entry) -> Bool {
        func stalled(_ silence: PeerSilent, after seconds: Double) -> StalledCollective {
            StalledCollective(rank: rank, entry: entry, missing: silence.ranks, seconds: seconds)
        }
        let patience = timeout / 10
        let start = ContinuousClock.now
        defer { waitedSeconds += (ContinuousClock.now - start) / .seconds(1) }
        do {
            try check()
            do {
                try transport.wait(for: messages, timeout: patience)
            } catch let silence as PeerSilent {
                onStall(stalled(silence, after: patience))
                try transport.wait(for: messages, timeout: timeout - patience)
            }
            return true
        } catch let silence as PeerSilent {
            fail(stalled(silence, after: timeout))
        } catch {
            fail(error)
        }
        return false
    }
}
