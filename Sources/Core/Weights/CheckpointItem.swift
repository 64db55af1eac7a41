/// One tensor of a checkpoint: a weight or an optimizer state of a parameter, or a box of it.
public struct CheckpointItem {
    /// Where the values come from.
    private enum Source {
        case tensor(Tensor)
        /// Makes elements of a range (row-major), whose ends are multiples of 2^22 but for the last.
        case computed((Range<Int>) -> Tensor)
    }

    /// The kind of master weights; other kinds are names of optimizer states.
    public static let weight = "weight"

    /// The parameter's name.
    public let name: String
    /// `CheckpointItem.weight`, or the name of an optimizer state.
    public let kind: String
    /// The element type that is stored.
    public let dtype: DType
    /// The box's shape.
    public let shape: [Int]
    private let source: Source
    /// The shape of the whole tensor of which this is a box.
    public let globalShape: [Int]
    /// Where the box starts in the whole tensor.
    public let offset: [Int]
    /// Items of one group share files, e.g. the block of the arena they come from.
    public let group: String

    /// - Parameters:
    ///   - name: the parameter's name.
    ///   - kind: `CheckpointItem.weight`, or the name of an optimizer state.
    ///   - tensor: the values; stored in their own element type.
    ///   - globalShape: the whole tensor's shape; nil = the tensor is whole.
    ///   - offset: where the box starts; nil = at zero.
    ///   - group: letters, digits, dots, "_" and "-"; nil = the kind.
    public init(
        name: String, kind: String, tensor: Tensor, globalShape: [Int]? = nil, offset: [Int]? = nil,
        group: String? = nil
    ) {
        let offset = offset ?? [Int](repeating: 0, count: tensor.dimCount)
        let globalShape = globalShape ?? tensor.shape
        precondition(
            BufferView.boxFits(tensor.shape, at: offset, in: globalShape),
            "checkpoint: box \(tensor.shape) at \(offset) is outside '\(name)' \(globalShape)")
        self.name = name
        self.kind = kind
        self.dtype = tensor.dtype
        self.shape = tensor.shape
        self.source = .tensor(tensor)
        self.globalShape = globalShape
        self.offset = offset
        self.group = group ?? kind
    }

    /// A tensor, or a box of one, whose values are made a piece at a time while it is written.
    /// - Parameters:
    ///   - name: the parameter's name.
    ///   - kind: the name of an optimizer state.
    ///   - shape: the box's shape.
    ///   - globalShape: the whole tensor's shape; nil = the box is all of it.
    ///   - offset: where the box starts; nil = at zero.
    ///   - dtype: the element type that is stored.
    ///   - group: letters, digits, dots, "_" and "-".
    ///   - values: the elements of a range, row-major, whose start is a multiple of 2^22.
    public init(
        name: String, kind: String, shape: [Int], globalShape: [Int]? = nil, offset: [Int]? = nil, dtype: DType,
        group: String, values: @escaping (Range<Int>) -> Tensor
    ) {
        self.name = name
        self.kind = kind
        self.dtype = dtype
        self.shape = shape
        self.source = .computed(values)
        self.globalShape = globalShape ?? shape
        self.offset = offset ?? [Int](repeating: 0, count: shape.count)
        self.group = group
    }

    /// Hands out the values as host bytes in row-major order, piece by piece, each with its offset in bytes.
    func forEachPiece(_ body: ([UInt8], Int) throws -> Void) rethrows {
        switch source {
        case .tensor(let tensor): try tensor.forEachPiece(as: dtype, body)
        case .computed(let values):
            let (count, piece) = (shape.reduce(1, *), 1 << 22)
            for first in stride(from: 0, to: count, by: piece) {
                let part = values(first..<min(first + piece, count))
                try part.forEachPiece(as: dtype) { try body($0, first * dtype.byteCount + $1) }
            }
        }
    }

    /// The box's name in its file: the parameter's name where nothing else is needed.
    var key: String {
        (kind == Self.weight ? "" : kind + "/") + name
            + (shape == globalShape ? "" : "@" + offset.map(String.init).joined(separator: ","))
    }
}
