/// What ranks do together with tensors. All members of a communicator start the same collectives in the same order.
/// Tensors are dense and in host memory.
public enum Collective {
    /// Every rank's sum or maximum, in place.
    case allReduce(Tensor, Reduction = .sum)
    /// `into` becomes this rank's part of everyone's sum of `from`, which has `rankCount` times as many elements.
    case reduceScatter(Tensor, into: Tensor)
    /// `into` becomes everyone's `from`, in the order of ranks. `from` may be this rank's part of `into`.
    case allGather(Tensor, into: Tensor)
    /// Part r of `from` goes to rank r; `into` becomes everyone's part for this rank, in the order of ranks.
    case allToAll(Tensor, into: Tensor)
    /// The same with parts of different sizes: `sent[r]` elements of `from` go to rank r, of whose elements `received[r]` come.
    case allToAllOfParts(Tensor, sent: [Int], into: Tensor, received: [Int])
    /// Everyone's becomes the root's.
    case broadcast(Tensor, root: Int)
    /// To one member, who receives it under the same channel (> 0).
    case send(Tensor, to: Int, channel: Int32)
    case receive(Tensor, from: Int, channel: Int32)

    /// How numbers of several ranks become one. They are taken in the order of ranks, in float32 or wider, whatever way
    /// they travel: the same bits on all ranks and in all runs.
    public enum Reduction: Sendable, Hashable {
        case sum, maximum
    }
}

extension Collective {
    var kind: Envelope.Kind {
        switch self {
        case .allReduce: .allReduce
        case .reduceScatter: .reduceScatter
        case .allGather: .allGather
        case .allToAll, .allToAllOfParts: .allToAll
        case .broadcast: .broadcast
        case .send, .receive: .message
        }
    }

    /// The tensor whose size names the collective.
    var subject: Tensor {
        switch self {
        case .allReduce(let x, _), .reduceScatter(let x, _), .allToAll(let x, _), .broadcast(let x, _),
            .send(let x, _, _), .receive(let x, _, _), .allToAllOfParts(let x, _, _, _): x
        case .allGather(_, let into): into
        }
    }

    /// Elements on one rank, by which ranks find that they do different things; 0 where each has a number of its own.
    var elementCount: Int {
        if case .allToAllOfParts = self { 0 } else { subject.elementCount }
    }

    /// Whether there is nothing to do, alone or with others.
    func isIdle(on rankCount: Int) -> Bool {
        switch self {
        case .allReduce, .broadcast: subject.elementCount == 0 || rankCount == 1
        case .reduceScatter, .allGather, .allToAll, .send, .receive: subject.elementCount == 0
        case .allToAllOfParts: false
        }
    }

    var channel: Int32 {
        switch self {
        case .send(_, _, let channel), .receive(_, _, let channel): channel
        default: 0
        }
    }
}
