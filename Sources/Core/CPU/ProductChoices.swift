/// What a product table comes to on this machine: a library that is here for every kind of product.
public struct ProductChoices: Sendable {
    /// Where the table comes from: "built in", or the path of a file.
    public let origin: String
    /// One sentence for each library that the table names and that is missing: the cost, and how to install it.
    public let notices: [String]
    package let libraries: ProductLibraries
    /// By position in `ProductKind.all`.
    private let chosen: [ProductLibrary]

    /// Looks every kind up and puts something else in the place of what is missing.
    package init(
        _ table: ProductTable, on processor: String = Processor.name, libraries: ProductLibraries = ProductLibraries()
    ) {
        origin = table.origin
        self.libraries = libraries
        var missing: [(library: ProductLibrary, kinds: [String], reason: String)] = []
        chosen = ProductKind.all.map { kind in
            let row = table.row(for: kind, on: processor)
            let wanted = row?.library ?? .plain
            guard let reason = libraries.absence(of: wanted, for: kind.dtype) else { return wanted }
            let substitute =
                ProductLibrary.fallbacks.first { libraries.absence(of: $0, for: kind.dtype) == nil } ?? .plain
            let text = "\(kind) (\(substitute.rawValue) instead, \(ProductChoices.cost(of: substitute, row)))"
            if let index = missing.firstIndex(where: { $0.library == wanted && $0.reason == reason }) {
                missing[index].kinds.append(text)
            } else {
                missing.append((wanted, [text], reason))
            }
            return substitute
        }
        notices = missing.map { item in
            "the product table (\(table.origin)) names \(item.library.rawValue), which cannot be used: \(item.reason); "
                + "that concerns \(item.kinds.joined(separator: ", "))"
                + (item.library.installation.map { "; install it, e.g. with '\($0)'" } ?? "")
        }
    }

    private static func cost(of substitute: ProductLibrary, _ row: ProductTable.Row?) -> String {
        if let row, let before = row.speeds[row.library], let after = row.speeds[substitute] {
            return "\(Int(after)) GFLOP/s where it reached \(Int(before))"
        }
        return substitute == .plain ? "many times slower" : "at a cost that was not measured"
    }

    /// What takes products of a kind.
    package func library(for kind: ProductKind) -> ProductLibrary {
        let shape = ProductClass.allCases.firstIndex(of: kind.shape) ?? 0
        return chosen[(kind.dtype == .bfloat16 ? ProductClass.allCases.count : 0) + shape]
    }

    /// Element types that are multiplied as they are, not widened first.
    package var fastTypes: [DType] {
        ProductKind.dtypes.filter { dtype in
            dtype == .float32
                || ProductClass.allCases.allSatisfy { shape in
                    switch library(for: ProductKind(dtype, shape)) {
                    case .panels: libraries.panelTypes.contains(dtype)
                    case .onednn: true
                    case .openblas, .plain: false
                    }
                }
        }
    }

    /// For every kind the library that takes it, with its version: what the bits of results depend on.
    public var identities: [(kind: ProductKind, library: String)] {
        ProductKind.all.map { ($0, libraries.identity(of: library(for: $0))) }
    }

    /// 16 hexadecimal digits that differ when `identities` do.
    public var digest: String {
        var hash = FileHash()
        for (kind, library) in identities {
            let line = Array("\(kind): \(library)\n".utf8)
            line.withUnsafeBytes { hash.update($0) }
        }
        return hash.hex
    }
}
