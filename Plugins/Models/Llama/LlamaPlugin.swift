public import PluginAPI

extension LlamaFamily: ModelFamily {}

public struct LlamaPlugin: Plugin {
    public init() {}

    public func register(in registrar: Registrar) throws {
        try registrar.model("llama", LlamaFamily.self)
    }
}
