/// Another rank ended while this one waited for it.
public struct PeerLost: Error, Sendable, CustomStringConvertible {
    /// The rank that ended.
    public let rank: Int

    public init(rank: Int) { self.rank = rank }

    public var description: String { "rank \(rank) ended while others waited for it" }
}

/// Other ranks are there but did not answer in time: what a transport says, see `StalledCollective`.
public struct PeerSilent: Error, Sendable, CustomStringConvertible {
    /// The ranks that were waited for, in order.
    public let ranks: [Int]
    public let seconds: Double

    public init(ranks: [Int], seconds: Double) {
        self.ranks = ranks.sorted()
        self.seconds = seconds
    }

    public var description: String { "\(ranks.rankNames) did not arrive within \(seconds) seconds" }
}

/// A rank has waited for others for long.
public struct StalledCollective: Error, Sendable, CustomStringConvertible {
    /// The rank that waits.
    public let rank: Int
    /// What it waits in.
    public let entry: FlightRecorder.Entry
    /// The ranks that have not arrived there, in order.
    public let missing: [Int]
    public let seconds: Double

    public var description: String {
        let time = seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)"
        return "rank \(rank) has waited \(time) seconds in the \(entry), where \(missing.rankNames) "
            + "\(missing.count == 1 ? "has" : "have") not arrived"
    }
}

/// Two ranks met while doing different things.
public struct CollectiveMismatch: Error, Sendable, CustomStringConvertible {
    public let rank: Int
    public let mine: Envelope
    public let peer: Int
    public let theirs: Envelope

    public init(rank: Int, mine: Envelope, peer: Int, theirs: Envelope) {
        self.rank = rank
        self.mine = mine
        self.peer = peer
        self.theirs = theirs
    }

    public var description: String {
        "rank \(rank) is at the \(mine), and rank \(peer) at the \(theirs); all ranks must do the same in the same order"
    }
}

extension [Int] {
    /// "rank 3", or "ranks 1, 3 and 5".
    package var rankNames: String {
        guard count > 1, let last else { return "rank \(first ?? 0)" }
        return "ranks \(dropLast().map(String.init).joined(separator: ", ")) and \(last)"
    }
}
