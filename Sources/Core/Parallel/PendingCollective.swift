/// Messages on their way, and what follows when they have arrived.
struct Exchange {
    let messages: [MessageNumber]
    /// Uses what was received; may start another exchange.
    let then: () -> Exchange?
}

/// A collective under way. Other work may be done before `finish`; what the collective reads stays unchanged, and what
/// it writes is undefined, until then.
public final class PendingCollective {
    // The link holds what is under way.
    private unowned let link: RankLink
    private let entry: FlightRecorder.Entry
    /// Holds the memory that messages are sent from and received into.
    private let collective: Collective
    private var exchange: Exchange?

    init(_ link: RankLink, entry: FlightRecorder.Entry, _ collective: Collective, _ exchange: Exchange?) {
        (self.link, self.entry, self.collective, self.exchange) = (link, entry, collective, exchange)
        if exchange != nil { link.started(self, entry) }
    }

    /// Waits until the collective is done. A failure is kept, see `RankLink.check`.
    public func finish() {
        guard exchange != nil else { return }
        while let open = exchange, link.wait(for: open.messages, of: entry) { exchange = open.then() }
        if exchange == nil { link.finished(entry) }
    }
}
