public import PluginAPI

extension Qwen3Family: ModelFamily {}

public struct Qwen3Plugin: Plugin {
    public init() {}

    public func register(in registrar: Registrar) throws {
        try registrar.model("qwen3", Qwen3Family.self)
    }
}
