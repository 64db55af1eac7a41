// R ranks of the communicator, n elements of a tensor

/// Some ranks of a run, named by the mesh axes along which they lie, and what they do together.
///
/// Collectives are made of messages between pairs of ranks, here and not in the transport, so that sums are taken in
/// one order under every transport. A part of each tensor belongs to each rank, which adds it up for all: 2 n (R - 1) / R
/// elements sent and received by each rank for an all-reduce, as little as any order of sums needs.
///
/// Belongs to one rank's thread of control.
public final class Communicator {
    /// Tensors of fewer bytes are sent whole to everyone: one exchange instead of two.
    private static let smallByteCount = 1 << 15

    /// The axes, e.g. "data" or "data+context".
    public let axes: String
    /// The members' ranks in the run, in order.
    public let members: [Int]
    /// This rank's place among `members`.
    public let rank: Int
    public let link: RankLink
    private let number: Int32
    private var startedCount = 0

    public var rankCount: Int { members.count }

    /// - Parameters:
    ///   - axes: the name.
    ///   - members: ranks in the run, in order; one of them is the link's.
    ///   - number: another one for each communicator of a link, the same on all members.
    public init(_ axes: String, members: [Int], number: Int32, _ link: RankLink) {
        guard let rank = members.firstIndex(of: link.rank) else {
            preconditionFailure("communicator \(axes): rank \(link.rank) is not among its members \(members)")
        }
        (self.axes, self.members, self.rank, self.number, self.link) = (axes, members, rank, number, link)
    }

    /// The members in groups of `count` that follow each other: this rank's group.
    public func neighbours(_ count: Int) -> Communicator {
        group("by \(count)", members.indices.filter { $0 / count == rank / count }, kind: Int32(2 * count))
    }

    /// The members that have this rank's place in their group of `count` neighbours.
    public func across(_ count: Int) -> Communicator {
        group("across \(count)", members.indices.filter { $0 % count == rank % count }, kind: Int32(2 * count + 1))
    }

    /// The first and the last member; only they may ask.
    public func ends() -> Communicator { group("ends", [0, rankCount - 1], kind: 1) }

    /// - Parameter kind: another one for each way of choosing members; the numbers below 32 are those of axes.
    private func group(_ name: String, _ chosen: [Int], kind: Int32) -> Communicator {
        precondition(chosen.contains(rank), "communicator \(axes): rank \(rank) is not among the \(name)")
        return Communicator(
            "\(axes) \(name)", members: chosen.map { members[$0] }, number: number + 32 * kind, link)
    }

    /// Does a collective and waits for it.
    public func run(_ collective: Collective) { start(collective).finish() }

    /// Starts a collective.
    public func start(_ collective: Collective) -> PendingCollective {
        let subject = collective.subject
        let envelope = envelope(collective.kind, subject.dtype, collective.elementCount, channel: collective.channel)
        let entry = link.recorder.started(envelope, axes: axes, shape: subject.shape)
        if link.checksOrder && envelope.kind != .message { compare(envelope) }
        // Nothing more is exchanged after a failure.
        let isIdle = link.failure != nil || collective.isIdle(on: rankCount)
        return PendingCollective(link, entry: entry, collective, isIdle ? nil : exchange(collective, envelope))
    }

    private func envelope(_ kind: Envelope.Kind, _ dtype: DType, _ count: Int, channel: Int32 = 0) -> Envelope {
        defer { if kind != .message { startedCount += 1 } }
        return Envelope(
            tag: .init(communicator: number, channel: channel), kind: kind, dtype: dtype, elementCount: count,
            sequence: kind == .message ? 0 : startedCount)
    }

    private func exchange(_ collective: Collective, _ envelope: Envelope) -> Exchange {
        switch collective {
        case .allReduce(let x, let reduction): return allReduce(x.flat, reduction, envelope)
        case .reduceScatter(let from, let into):
            return reduceScatter(from.flat, into: into.flat, envelope)
        case .allGather(let from, let into):
            let (from, into) = (from.flat, into.flat)
            let parts = equalParts(of: into, each: from.elementCount)
            into.part(parts[rank]).copy(from)
            return allGather(into, parts, envelope)
        case .allToAll(let from, let into):
            let each = [Int](repeating: from.elementCount / rankCount, count: rankCount)
            return allToAll(from.flat, each, into: into.flat, each, envelope)
        case .allToAllOfParts(let from, let sent, let into, let received):
            return allToAll(from.flat, sent, into: into.flat, received, envelope)
        case .broadcast(let x, let root):
            let x = x.flat
            let messages = rank == root
                ? others.map { send(x, to: $0, envelope) } : [receive(x, from: root, envelope)]
            return Exchange(messages: messages) { nil }
        case .send(let x, let peer, let channel):
            precondition(channel > 0, "send: channel \(channel), expected one above 0")
            return Exchange(messages: [send(x.flat, to: peer, envelope)]) { nil }
        case .receive(let x, let peer, let channel):
            precondition(channel > 0, "receive: channel \(channel), expected one above 0")
            return Exchange(messages: [receive(x.flat, from: peer, envelope)]) { nil }
        }
    }

    // MARK: collectives

    private func allReduce(_ x: Tensor, _ reduction: Collective.Reduction, _ envelope: Envelope) -> Exchange {
        if x.hostBytes.count < Communicator.smallByteCount {
            let arrived = x.temporaries(rankCount)
            return swap(envelope, sending: { _ in x }, receiving: { arrived[$0] }) { [self] in
                reduction.combine(members.indices.map { $0 == rank ? x : arrived[$0] }, into: x)
                return nil
            }
        }
        // Lines of the cache belong to one rank each.
        let size = (x.elementCount + rankCount * 16 - 1) / (rankCount * 16) * 16
        let parts = members.indices.map { min($0 * size, x.elementCount)..<min(($0 + 1) * size, x.elementCount) }
        let mine = x.part(parts[rank])
        let arrived = mine.temporaries(rankCount)
        return swap(envelope, sending: { x.part(parts[$0]) }, receiving: { arrived[$0] }) { [self] in
            reduction.combine(members.indices.map { $0 == rank ? mine : arrived[$0] }, into: mine)
            return allGather(x, parts, envelope)
        }
    }

    private func reduceScatter(_ from: Tensor, into: Tensor, _ envelope: Envelope) -> Exchange {
        let parts = equalParts(of: from, each: into.elementCount)
        let arrived = into.temporaries(rankCount)
        return swap(envelope, sending: { from.part(parts[$0]) }, receiving: { arrived[$0] }) { [self] in
            let mine = from.part(parts[rank])
            Collective.Reduction.sum.combine(members.indices.map { $0 == rank ? mine : arrived[$0] }, into: into)
            return nil
        }
    }

    private func allGather(_ whole: Tensor, _ parts: [Range<Int>], _ envelope: Envelope) -> Exchange {
        swap(envelope, sending: { _ in whole.part(parts[rank]) }, receiving: { whole.part(parts[$0]) }) { nil }
    }

    private func allToAll(
        _ from: Tensor, _ sent: [Int], into: Tensor, _ received: [Int], _ envelope: Envelope
    ) -> Exchange {
        precondition(
            sent.count == rankCount && received.count == rankCount && sent[rank] == received[rank]
                && sent.reduce(0, +) == from.elementCount && received.reduce(0, +) == into.elementCount,
            "all-to-all: parts of \(sent) of \(from.elementCount) elements, and of \(received) into \(into.elementCount)")
        func parts(_ counts: [Int]) -> [Range<Int>] {
            var end = 0
            return counts.map { count in
                defer { end += count }
                return end..<end + count
            }
        }
        let (outgoing, incoming) = (parts(sent), parts(received))
        into.part(incoming[rank]).copy(from.part(outgoing[rank]))
        // Both sides know which parts are empty.
        func peers(_ counts: [Int]) -> [Int] { (1..<rankCount).map { (rank + $0) % rankCount }.filter { counts[$0] > 0 } }
        let messages = peers(received).map { receive(into.part(incoming[$0]), from: $0, envelope) } + peers(sent).map {
            send(from.part(outgoing[$0]), to: $0, envelope)
        }
        return Exchange(messages: messages) { nil }
    }

    private func equalParts(of whole: Tensor, each count: Int) -> [Range<Int>] {
        precondition(
            whole.elementCount == count * rankCount, "\(axes): \(whole.elementCount) elements are not \(rankCount) parts of \(count)")
        return members.indices.map { $0 * count..<($0 + 1) * count }
    }

    /// Finds members that are about to do something else.
    private func compare(_ envelope: Envelope) {
        guard link.failure == nil else { return }
        let own = link.runtime.tensor(envelope.numbers, [envelope.numbers.count])
        let announcement = Envelope(
            tag: .init(communicator: number, channel: 0), kind: .gather, dtype: own.dtype,
            elementCount: own.elementCount, sequence: envelope.sequence)
        let arrived = own.temporaries(rankCount)
        let pending = PendingCollective(
            link, entry: link.recorder.started(announcement, axes: axes, shape: own.shape), .broadcast(own, root: rank),
            swap(announcement, sending: { _ in own }, receiving: { arrived[$0] }) { nil })
        pending.finish()
        guard link.failure == nil else { return }
        for peer in others {
            let theirs = Envelope(numbers: arrived[peer].doubles())
            if theirs == envelope { continue }
            link.fail(
                CollectiveMismatch(rank: link.rank, mine: envelope, peer: members[peer], theirs: theirs ?? announcement))
        }
    }

    // MARK: messages

    private var others: [Int] { members.indices.filter { $0 != rank } }

    /// A message to and from every other member.
    private func swap(
        _ envelope: Envelope, sending: (Int) -> Tensor, receiving: (Int) -> Tensor, then: @escaping () -> Exchange?
    ) -> Exchange {
        // Everyone starts with the next rank, so that not all send to the same one at once.
        let peers = (1..<rankCount).map { (rank + $0) % rankCount }
        let messages = peers.map { receive(receiving($0), from: $0, envelope) } + peers.map {
            send(sending($0), to: $0, envelope)
        }
        return Exchange(messages: messages, then: then)
    }

    private func send(_ x: Tensor, to peer: Int, _ envelope: Envelope) -> MessageNumber {
        link.transport.send(UnsafeRawBufferPointer(x.hostBytes), to: members[peer], envelope)
    }

    private func receive(_ x: Tensor, from peer: Int, _ envelope: Envelope) -> MessageNumber {
        link.transport.receive(x.hostBytes, from: members[peer], envelope)
    }
}

