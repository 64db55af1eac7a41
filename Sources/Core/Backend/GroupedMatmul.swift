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
}
