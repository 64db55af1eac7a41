public import PluginAPI

extension GPT2Family: ModelFamily {}

public struct GPT2Plugin: Plugin {
    public init() {}

    public func register(in registrar: Registrar) throws {
        try registrar.model("gpt2", GPT2Family.self)
    }
}
