/// A way to take matrix products. Which one takes which product is written in a `ProductTable`, because the fastest
/// depends on the processor, and because their results differ in the last bits.
public enum ProductLibrary: String, Sendable, Hashable, CaseIterable {
    /// Kernels of this package, for processors with AVX-512. Only they promise that a row of a result does not depend
    /// on how many rows there are.
    case panels
    /// OpenBLAS, float32; bfloat16 is widened first.
    case openblas
    /// oneDNN, float32 and bfloat16.
    case onednn
    /// A product in C for every processor, float32; bfloat16 is widened first.
    case plain

    /// What takes the place of a library that is missing, in order.
    static let fallbacks: [ProductLibrary] = [.panels, .openblas, .plain]

    /// How to get it, nil for what is always there or depends on the processor.
    package var installation: String? {
        switch self {
        case .openblas: "apt-get install libopenblas0-pthread"
        case .onednn: "apt-get install libdnnl2"
        case .panels, .plain: nil
        }
    }
}

/// Products that one library is expected to be best at, by the shape of c [M, N] = a [M, K] b [K, N].
public enum ProductClass: String, Sendable, Hashable, CaseIterable {
    /// M at most 64: generation, short prompts.
    case fewRows = "few-rows"
    /// K longer than M and N: gradients of weights, which sum over the tokens.
    case longSums = "long-sums"
    /// The others: forward passes, gradients of activations, the head.
    case large

    /// The class of a product.
    public init(rows m: Int, columns n: Int, depth k: Int) {
        self = m <= 64 ? .fewRows : k > max(m, n) ? .longSums : .large
    }
}

/// What a table has a library for: an element type of a and b, and a class of shapes.
public struct ProductKind: Sendable, Hashable, CustomStringConvertible {
    public let dtype: DType
    public let shape: ProductClass

    public init(_ dtype: DType, _ shape: ProductClass) {
        self.dtype = dtype
        self.shape = shape
    }

    /// The element types that products are tabulated for.
    public static let dtypes: [DType] = [.float32, .bfloat16]
    /// Every kind, in a fixed order.
    public static let all = dtypes.flatMap { dtype in ProductClass.allCases.map { ProductKind(dtype, $0) } }

    public var description: String { "\(dtype.rawValue) \(shape.rawValue)" }
}
