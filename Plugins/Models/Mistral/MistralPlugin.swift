public import PluginAPI

extension MistralFamily: ModelFamily {}

public struct MistralPlugin: Plugin {
    public init() {}

    public func register(in registrar: Registrar) throws {
        try registrar.model("mistral", MistralFamily.self)
    }
}
