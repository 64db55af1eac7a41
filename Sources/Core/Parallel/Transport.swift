/// Moves messages between the ranks of a run: what collectives are made of.
///
/// The n-th message that one rank sends another under one tag is the n-th that the other receives from it under that
/// tag. A transport belongs to one rank's thread of control.
public protocol Transport: AnyObject {
    /// 0 ..< `rankCount`
    var rank: Int { get }
    var rankCount: Int { get }
    /// Starts sending. The bytes stay where they are, unchanged, until `wait` has returned.
    func send(_ bytes: UnsafeRawBufferPointer, to peer: Int, _ envelope: Envelope) -> MessageNumber
    /// Starts receiving. The bytes are there when `wait` has returned.
    func receive(_ bytes: UnsafeMutableRawBufferPointer, from peer: Int, _ envelope: Envelope) -> MessageNumber
    /// Returns when all of the messages are done.
    /// - Parameter timeout: seconds without any of them being done.
    /// - Throws: `PeerLost`, `PeerSilent` or `CollectiveMismatch`.
    func wait(for messages: [MessageNumber], timeout: Double) throws
}

/// The number that a transport gave a message when it was started.
public struct MessageNumber: Sendable, Hashable {
    public let value: Int

    public init(_ value: Int) { self.value = value }
}

/// What a message belongs to. Both sides fill in theirs, so that ranks that do different things are found out instead
/// of adding numbers that do not belong together.
public struct Envelope: Sendable, Hashable {
    /// What ranks are doing.
    public enum Kind: UInt8, Sendable, Hashable {
        case allReduce, reduceScatter, allGather, allToAll, broadcast, gather, message
    }

    /// Messages of one tag are matched in order.
    public struct Tag: Sendable, Hashable {
        /// The number of the communicator in its mesh.
        public let communicator: Int32
        /// 0 for collectives; messages between two ranks choose theirs.
        public let channel: Int32

        public init(communicator: Int32, channel: Int32) {
            self.communicator = communicator
            self.channel = channel
        }
    }

    public let tag: Tag
    public let kind: Kind
    public let dtype: DType
    /// Elements of the whole collective on one rank.
    public let elementCount: Int
    /// Which collective of the communicator this is, from 0; 0 for messages.
    public let sequence: Int

    public init(tag: Tag, kind: Kind, dtype: DType, elementCount: Int, sequence: Int) {
        self.tag = tag
        self.kind = kind
        self.dtype = dtype
        self.elementCount = elementCount
        self.sequence = sequence
    }
}

extension Envelope: CustomStringConvertible {
    public var description: String { text(size: "\(elementCount)") }

    /// - Parameter size: what stands for the number of elements.
    func text(size: String) -> String {
        let what = switch kind {
        case .allReduce: "all-reduce"
        case .reduceScatter: "reduce-scatter"
        case .allGather: "all-gather"
        case .allToAll: "all-to-all"
        case .broadcast: "broadcast"
        case .gather: "gather"
        case .message: "message on channel \(tag.channel)"
        }
        return "\(what) of \(size) \(dtype.rawValue)" + (kind == .message ? "" : ", number \(sequence)")
    }
}

extension Envelope {
    /// The envelope as numbers that ranks exchange.
    var numbers: [Double] {
        [
            Double(tag.communicator), Double(tag.channel), Double(kind.rawValue),
            Double(DType.allCases.firstIndex(of: dtype) ?? 0), Double(elementCount), Double(sequence),
        ]
    }

    /// Nil when the numbers are no envelope.
    init?(numbers: [Double]) {
        let whole = numbers.compactMap { Int(exactly: $0) }
        guard whole.count == 6, let kind = UInt8(exactly: whole[2]).flatMap(Kind.init), DType.allCases.indices.contains(whole[3]),
            let communicator = Int32(exactly: whole[0]), let channel = Int32(exactly: whole[1])
        else { return nil }
        self.init(
            tag: Tag(communicator: communicator, channel: channel), kind: kind, dtype: DType.allCases[whole[3]],
            elementCount: whole[4], sequence: whole[5])
    }
}
