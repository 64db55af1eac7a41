public import PluginAPI

/// The learning rate as it is, after warm-up.
public struct Constant: Scheduler {
    public init(_ config: NoConfig, horizon: ScheduleHorizon) {}
    public func factor(step: Int) -> Double { 1 }
}

/// Registers `constant`.
public struct ConstantPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.scheduler("constant", Constant.self) }
}
