import Core
import JSON

/// What changed between the libraries that took the matrix products of a checkpoint's run and those of this process.
enum ProductDrift {
    /// Lines `kind: was A, now B`; none for a checkpoint that does not say, of an earlier release or in float64.
    /// - Parameter environment: the checkpoint's section of that name.
    static func differences(from environment: JSONValue, to products: ProductChoices?) -> [String] {
        guard let before = environment["products"], let products, before["digest"]?.string != products.digest else {
            return []
        }
        return products.identities.compactMap { kind, library in
            let old = before["libraries"]?[kind.description]?.string
            return old == library ? nil : "\(kind): was \(old ?? "unknown"), now \(library)"
        }
    }
}
