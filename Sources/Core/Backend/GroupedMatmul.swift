// A rows, K inputs, N outputs

/// c[r, :] = a[r, :] b[groups[r]]: each row is multiplied with the matrix of its group. 2 A K N FLOPs.
///
/// Rows of one group that follow each other are one product, so rows should come sorted; results do not depend on it.
public struct GroupedMatmul {
    /// [A, K]
    public var a: BufferView
    /// [A] int32
    public var groups: BufferView
    /// A matrix [K, N] for each group.
    public var b: [BufferView]
    /// [A, N], last stride 1
    public var c: BufferView

    public init(_ a: BufferView, _ b: [BufferView], groups: BufferView, into c: BufferView) {
        precondition(
            a.dimCount == 2 && c.dimCount == 2 && c.shape[0] == a.shape[0] && groups.shape == [a.shape[0]]
                && b.allSatisfy { $0.shape == [a.shape[1], c.shape[1]] },
            "grouped matmul: \(a.shape) times \(b.map(\.shape)) by \(groups.shape) does not give \(c.shape)")
        (self.a, self.b, self.groups, self.c) = (a, b, groups, c)
    }
}

/// The gradients of the matrices of `GroupedMatmul`: c[g] += sum over rows r of group g of a[r, :]^T b[r, :].
/// 2 A M N FLOPs.
public struct GroupedOuterProduct {
    /// [A, M]
    public var a: BufferView
    /// [A, N]
    public var b: BufferView
    /// [A] int32
    public var groups: BufferView
    /// A matrix [M, N] for each group, added to; last stride 1; nil where nobody wants it
    public var c: [BufferView?]

    public init(_ a: BufferView, _ b: BufferView, groups: BufferView, into c: [BufferView?]) {
        precondition(
            a.dimCount == 2 && b.dimCount == 2 && a.shape[0] == b.shape[0] && groups.shape == [a.shape[0]]
                && c.allSatisfy { $0 == nil || $0?.shape == [a.shape[1], b.shape[1]] },
            "grouped outer product: \(a.shape) and \(b.shape) by \(groups.shape) do not give "
                + "\(c.map { $0?.shape ?? [] })")
        (self.a, self.b, self.groups, self.c) = (a, b, groups, c)
    }
}
