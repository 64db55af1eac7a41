import Foundation

/// Ranks as threads of one process: what runs on N machines can be run, and tested, in one.
///
/// Each rank is an operating-system thread of its own, never a task; a waiting rank sleeps on a condition. A message is
/// copied once, by its receiver, from where the sender has it.
public final class Loopback: Transport {
    public let rank: Int
    public var rankCount: Int { exchange.mailboxes.count }
    private let exchange: Mailboxes
    private var open: [MessageNumber: OpenMessage] = [:]
    private var startedCount = 0
    private var receivedCounts: [Mailbox.Key: Int] = [:]
    private var sentCounts: [Mailbox.Key: Int] = [:]

    private enum OpenMessage {
        case sent(Parcel, to: Int)
        case expected(Mailbox.Key, place: Int, into: UnsafeMutableRawBufferPointer, Envelope)
    }

    private init(_ exchange: Mailboxes, rank: Int) {
        self.exchange = exchange
        self.rank = rank
    }

    /// The transport of a rank without the others: of a run of one rank, or of a rank that is only planned.
    public static func alone(_ rank: Int = 0, of rankCount: Int = 1) -> Loopback {
        Loopback(Mailboxes(rankCount), rank: rank)
    }

    public func send(_ bytes: UnsafeRawBufferPointer, to peer: Int, _ envelope: Envelope) -> MessageNumber {
        let parcel = Parcel(bytes, envelope)
        let place = count(&sentCounts, Mailbox.Key(peer: peer, tag: envelope.tag))
        exchange.mailboxes[peer].put(parcel, Mailbox.Key(peer: rank, tag: envelope.tag), place: place)
        return opened(.sent(parcel, to: peer))
    }

    public func receive(
        _ bytes: UnsafeMutableRawBufferPointer, from peer: Int, _ envelope: Envelope
    ) -> MessageNumber {
        let key = Mailbox.Key(peer: peer, tag: envelope.tag)
        return opened(.expected(key, place: count(&receivedCounts, key), into: bytes, envelope))
    }

    public func wait(for messages: [MessageNumber], timeout: Double) throws {
        let mailbox = exchange.mailboxes[rank]
        var waiting = Set(messages.filter { open[$0] != nil })
        while !waiting.isEmpty {
            let done = try mailbox.wait(timeout: timeout) { () throws -> [(MessageNumber, Parcel?)]? in
                let done = waiting.compactMap { number -> (MessageNumber, Parcel?)? in
                    switch self.open[number] {
                    case .sent(let parcel, _): parcel.isTaken ? (number, nil) : nil
                    case .expected(let key, let place, _, _): mailbox.take(key, place: place).map { (number, $0) }
                    case nil: (number, nil)
                    }
                }
                if !done.isEmpty { return done }
                for number in waiting.sorted(by: { $0.value < $1.value }) {
                    if let peer = self.peer(of: number), self.exchange.hasLeft(peer) { throw PeerLost(rank: peer) }
                }
                return nil
            }
            guard let done else { throw silence(waiting, timeout) }
            // All that were taken are accepted, since their senders wait for that.
            var problem: CollectiveMismatch?
            for (number, parcel) in done {
                if let parcel, let found = accept(parcel, number) { problem = problem ?? found }
                open[number] = nil
                waiting.remove(number)
            }
            if let problem { throw problem }
        }
    }

    /// Copies what has arrived, and lets its sender go on.
    /// - Returns: what is wrong with it.
    private func accept(_ parcel: Parcel, _ number: MessageNumber) -> CollectiveMismatch? {
        guard case .expected(let key, _, let target, let envelope) = open[number] else { return nil }
        defer { exchange.mailboxes[key.peer].update { parcel.isTaken = true } }
        guard parcel.envelope == envelope && parcel.bytes.count == target.count else {
            return CollectiveMismatch(rank: rank, mine: envelope, peer: key.peer, theirs: parcel.envelope)
        }
        target.copyMemory(from: parcel.bytes)
        return nil
    }

    /// Ends this rank's part: afterwards nobody reads its memory.
    private func close() {
        for case .sent(let parcel, let peer) in open.values where !exchange.mailboxes[peer].withdraw(parcel) {
            // Its receiver is copying it, which nothing can hold up.
            _ = exchange.mailboxes[rank].wait(timeout: RankLink.standardTimeout) { parcel.isTaken ? true : nil }
        }
        exchange.leave(rank)
    }

    /// Whoever has sent nothing has not arrived; where everything has come, whoever has taken nothing.
    private func silence(_ waiting: Set<MessageNumber>, _ seconds: Double) -> PeerSilent {
        var (senders, receivers) = (Set<Int>(), Set<Int>())
        for number in waiting {
            switch open[number] {
            case .expected(let key, _, _, _): senders.insert(key.peer)
            case .sent(_, let peer): receivers.insert(peer)
            case nil: break
            }
        }
        return PeerSilent(ranks: Array(senders.isEmpty ? receivers : senders), seconds: seconds)
    }

    private func peer(of number: MessageNumber) -> Int? {
        switch open[number] {
        case .sent(_, let peer): peer
        case .expected(let key, _, _, _): key.peer
        case nil: nil
        }
    }

    private func opened(_ message: OpenMessage) -> MessageNumber {
        let number = MessageNumber(startedCount)
        startedCount += 1
        open[number] = message
        return number
    }

    private func count(_ counts: inout [Mailbox.Key: Int], _ key: Mailbox.Key) -> Int {
        defer { counts[key, default: 0] += 1 }
        return counts[key, default: 0]
    }
}

extension Loopback {
    /// Runs `body` on as many ranks as `shape` has and waits for all of them.
    /// - Parameters:
    ///   - shape: how the ranks lie.
    ///   - timeout: seconds after which a rank that does not arrive is taken to be stuck.
    ///   - runtime: makes each rank's runtime, on its thread.
    /// - Returns: the ranks' results, in their order.
    /// - Throws: the error of the rank that failed first; ranks that wait for it end with `PeerLost`.
    public static func run<Result: Sendable>(
        _ shape: MeshShape, timeout: Double = RankLink.standardTimeout,
        runtime: @escaping @Sendable () throws -> Runtime = { Runtime(ReferenceBackend()) },
        _ body: @escaping @Sendable (Mesh) throws -> Result
    ) throws -> [Result] {
        let exchange = Mailboxes(shape.rankCount)
        let outcome = Outcome<Result>(shape.rankCount)
        let threads = (0..<shape.rankCount).map { rank in
            let thread = Thread {
                let transport = Loopback(exchange, rank: rank)
                do {
                    let link = RankLink(transport, try runtime(), timeout: timeout)
                    do {
                        outcome.set(try body(Mesh(shape, link)), rank)
                    } catch { outcome.fail(error) }
                    // What others may still read lives until then.
                    withExtendedLifetime(link) { transport.close() }
                } catch {
                    outcome.fail(error)
                    transport.close()
                }
                outcome.leave()
            }
            // The main thread's size: the secondary threads' default is too small for deep graphs.
            thread.stackSize = 8 << 20
            return thread
        }
        for thread in threads { thread.start() }
        return try outcome.wait()
    }

    /// As above, with the ranks along the data axis.
    public static func run<Result: Sendable>(
        ranks count: Int, _ body: @escaping @Sendable (Mesh) throws -> Result
    ) throws -> [Result] {
        try run(MeshShape([.data: count]), body)
    }
}
