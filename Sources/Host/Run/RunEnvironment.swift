import Core
import Foundation
import JSON

/// What a run's figures depend on beside its recipe.
enum RunEnvironment {
    static func describe(_ runtime: Runtime, seed: UInt64) -> JSONValue {
        let capabilities = runtime.backend.capabilities
        return .object([
            .init("forktail", .string(Release.version)),
            .init("processor", .string(Machine.processorName)),
            .init("backend", .string(capabilities.name)),
            .init("threads", .integer(capabilities.threadCount)),
            .init("layout", .object([.init("ranks", .integer(1))])),
            .init("seed", .integer(seed)),
        ])
    }
}

/// This release.
public enum Release {
    public static let version = "0.1.0"
}
