public import PluginAPI

extension Qwen2Family: ModelFamily {}

public struct Qwen2Plugin: Plugin {
    public init() {}

    public func register(in registrar: Registrar) throws {
        try registrar.model("qwen2", Qwen2Family.self)
    }
}
