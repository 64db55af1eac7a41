public import PluginAPI

extension MixtralFamily: ModelFamily {}

public struct MixtralPlugin: Plugin {
    public init() {}

    public func register(in registrar: Registrar) throws {
        try registrar.model("mixtral", MixtralFamily.self)
    }
}
