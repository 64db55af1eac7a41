/// Which library takes which matrix products on which processor: rows of which the first that fits counts.
///
/// The choice is recorded, never timed when a program starts: libraries differ in the last bits of their results, so a
/// choice that varied would break resuming bit for bit. `forktail bench kernels --tune` measures and writes a file.
public struct ProductTable: Sendable, Hashable {
    /// One row.
    public struct Row: Sendable, Hashable {
        /// A `Processor.name`, in which `*` stands for any text.
        public var processor: String
        /// The element type of both factors; nil = every one.
        public var dtype: DType?
        /// The shapes; nil = every one.
        public var shape: ProductClass?
        public var library: ProductLibrary
        /// What the libraries reached when the row was measured, GFLOP/s; empty when it was not.
        public var speeds: [ProductLibrary: Double]

        public init(
            processor: String = "*", dtype: DType? = nil, shape: ProductClass? = nil, library: ProductLibrary,
            speeds: [ProductLibrary: Double] = [:]
        ) {
            self.processor = processor
            self.dtype = dtype
            self.shape = shape
            self.library = library
            self.speeds = speeds
        }

        func fits(_ kind: ProductKind, on processor: String) -> Bool {
            (dtype ?? kind.dtype) == kind.dtype && (shape ?? kind.shape) == kind.shape
                && ProductTable.matches(processor, self.processor)
        }
    }

    public var rows: [Row]
    /// Where the rows come from, for messages: "built in", or the path of a file.
    public var origin: String

    public init(rows: [Row], origin: String) {
        self.rows = rows
        self.origin = origin
    }

    /// What holds where no file says otherwise.
    public static let builtIn = ProductTable(
        rows: [Row(processor: "* avx512*", library: .panels), Row(library: .openblas)], origin: "built in")

    /// These rows, and for what they do not cover those of `table`.
    public func followed(by table: ProductTable) -> ProductTable {
        ProductTable(rows: rows + table.rows, origin: origin)
    }

    /// The row for a kind of product; nil when none fits.
    public func row(for kind: ProductKind, on processor: String) -> Row? {
        rows.first { $0.fits(kind, on: processor) }
    }

    /// Whether `text` is `pattern`, whose stars stand for any text.
    static func matches(_ text: String, _ pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count > 1, let first = parts.first, let last = parts.last else { return text == pattern }
        guard text.hasPrefix(first), text.hasSuffix(last), text.count >= first.count + last.count else { return false }
        var rest = text.dropFirst(first.count).dropLast(last.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let range = rest.firstRange(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return true
    }
}
