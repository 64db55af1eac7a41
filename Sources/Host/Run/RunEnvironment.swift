import Core
import Foundation
import JSON

/// What a run's figures depend on beside its recipe.
enum RunEnvironment {
    static func describe(_ mesh: Mesh, seed: UInt64) -> JSONValue {
        let capabilities = mesh.runtime.backend.capabilities
        let axes = mesh.shape.axes.map { JSONValue.Member($0.rawValue, .integer(mesh.shape[$0])) }
        let members: [JSONValue.Member] = [
            .init("forktail", .string(Release.version)),
            .init("processor", .string(Machine.processorName)),
            .init("backend", .string(capabilities.name)),
            .init("threads", .integer(capabilities.threadCount)),
            .init("layout", .object([.init("ranks", .integer(mesh.shape.rankCount))] + axes)),
            .init("seed", .integer(seed)),
        ]
        return .object(members + (capabilities.products.map { [.init("products", describe($0))] } ?? []))
    }

    /// What the last bits of matrix products depend on (Docs/products.md).
    static func describe(_ products: ProductChoices) -> JSONValue {
        .object([
            .init("table", .string(products.origin)),
            .init("digest", .string(products.digest)),
            .init(
                "libraries",
                .object(products.identities.map { .init($0.kind.description, .string($0.library)) })),
        ])
    }
}

/// This release.
public enum Release {
    public static let version = "0.1.0"
}
