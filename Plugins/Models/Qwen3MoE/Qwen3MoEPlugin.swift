public import PluginAPI

extension Qwen3MoEFamily: ModelFamily {}

public struct Qwen3MoEPlugin: Plugin {
    public init() {}

    public func register(in registrar: Registrar) throws {
        try registrar.model("qwen3_moe", Qwen3MoEFamily.self)
    }
}
