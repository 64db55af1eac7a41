/// A rank's view of the mesh: where it lies, and its communicators along every set of axes.
///
/// A communicator's number is a function of its axes, so that it is the same on all ranks, whichever need it.
public final class Mesh {
    public let shape: MeshShape
    public let link: RankLink
    /// Where this rank lies along each axis.
    public let place: [MeshAxis: Int]
    private let communicators: [Set<MeshAxis>: Communicator]

    public var rank: Int { link.rank }
    public var runtime: Runtime { link.runtime }

    /// - Parameters:
    ///   - shape: as many ranks as the link's transport has.
    ///   - link: this rank's.
    public init(_ shape: MeshShape, _ link: RankLink) {
        precondition(
            shape.rankCount == link.rankCount, "mesh: \(shape.rankCount) places for \(link.rankCount) ranks")
        self.shape = shape
        self.link = link
        place = shape.place(of: link.rank)
        let axes = shape.axes
        var communicators: [Set<MeshAxis>: Communicator] = [:]
        for bits in 0..<1 << axes.count {
            let chosen = axes.indices.filter { bits >> $0 & 1 == 1 }.map { axes[$0] }
            communicators[Set(chosen)] = Communicator(
                chosen.isEmpty ? "one rank" : chosen.map(\.rawValue).joined(separator: "+"),
                members: shape.members(along: Set(chosen), with: link.rank), number: Int32(bits), link)
        }
        self.communicators = communicators
    }

    /// The ranks that differ from this one along the given axes only.
    public func along(_ axes: MeshAxis...) -> Communicator {
        let present = Set(axes).intersection(shape.axes)
        guard let communicator = communicators[present] else {
            preconditionFailure("mesh: no communicator along \(present)")
        }
        return communicator
    }

    /// All ranks.
    public var world: Communicator { along(.pipeline, .data, .expert, .context, .tensor) }
}

extension Mesh {
    /// The mesh of a run of one rank.
    public static func alone(_ runtime: Runtime) -> Mesh {
        Mesh(MeshShape([:]), RankLink(Loopback.alone(), runtime))
    }

    /// A rank's view of a run that is only planned: nobody is there to exchange anything with.
    public static func planned(_ shape: MeshShape, rank: Int) -> Mesh {
        Mesh(shape, RankLink(Loopback.alone(rank, of: shape.rankCount), Runtime(ReferenceBackend())))
    }
}
