public import PluginAPI

extension SmolLM3Family: ModelFamily {}

public struct SmolLM3Plugin: Plugin {
    public init() {}

    public func register(in registrar: Registrar) throws {
        try registrar.model("smollm3", SmolLM3Family.self)
    }
}
