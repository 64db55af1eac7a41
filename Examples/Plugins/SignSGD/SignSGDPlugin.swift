public import PluginAPI

/// Registers the optimizer.
public struct SignSGDPlugin: Plugin {
    public init() {}

    public func register(in registrar: Registrar) throws {
        try registrar.optimizer("signsgd", SignSGD.self)
    }
}
