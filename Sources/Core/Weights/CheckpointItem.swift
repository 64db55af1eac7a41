/// One tensor of a checkpoint: a weight or an optimizer state of a parameter, or a box of it.
public struct CheckpointItem {
    /// The kind of master weights; other kinds are names of optimizer states.
    public static let weight = "weight"

    /// The parameter's name.
    public let name: String
    /// `CheckpointItem.weight`, or the name of an optimizer state.
    public let kind: String
    /// The values; stored in their own element type.
    public let tensor: Tensor
    /// The shape of the whole tensor of which `tensor` is a box.
    public let globalShape: [Int]
    /// Where the box starts in the whole tensor.
    public let offset: [Int]
    /// Items of one group share files, e.g. the block of the arena they come from.
    public let group: String

    /// - Parameters:
    ///   - name: the parameter's name.
    ///   - kind: `CheckpointItem.weight`, or the name of an optimizer state.
    ///   - tensor: the values.
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
        self.tensor = tensor
        self.globalShape = globalShape
        self.offset = offset
        self.group = group ?? kind
    }

    /// The box's name in its file: the parameter's name where nothing else is needed.
    var key: String {
        (kind == Self.weight ? "" : kind + "/") + name
            + (tensor.shape == globalShape ? "" : "@" + offset.map(String.init).joined(separator: ","))
    }
}
