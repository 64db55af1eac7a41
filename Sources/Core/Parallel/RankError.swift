/// Another rank ended while this one waited for it.
public struct PeerLost: Error, Sendable, CustomStringConvertible {
    /// The rank that ended.
    public let rank: Int

    public init(rank: Int) { self.rank = rank }

    public var description: String { "rank \(rank) ended while others waited for it" }
}

/// Another rank is there but did not answer in time.
public struct PeerSilent: Error, Sendable, CustomStringConvertible {
    /// The rank that was waited for.
    public let rank: Int
    public let seconds: Double
    /// What was waited for.
    public let envelope: Envelope

    public init(rank: Int, seconds: Double, envelope: Envelope) {
        self.rank = rank
        self.seconds = seconds
        self.envelope = envelope
    }

    public var description: String { "rank \(rank) did not arrive at the \(envelope) within \(seconds) seconds" }
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
