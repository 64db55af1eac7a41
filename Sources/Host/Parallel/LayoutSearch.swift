import Core
import JSON
import PluginAPI

/// Every way to lay out a number of ranks.
enum LayoutSearch {
    /// All factorisations over the axes that have strategies, with each strategy and each variant of its settings; the
    /// expert axis only for models that have experts.
    /// - Throws: what a strategy's settings are refused for.
    static func layouts(
        rankCount: Int, of configuration: DecoderConfiguration, _ registry: Registry
    ) throws -> [RunLayout] {
        var ways: [MeshAxis: [[JSONValue.Member]]] = [:]
        for name in registry.names(of: .parallelism) {
            let maker = try registry.parallelism(name).maker
            if maker.axis == .expert, configuration.expertLayerCount == 0 { continue }
            for settings in try maker.variants() {
                ways[maker.axis, default: []].append([.init("strategy", .string(name))] + settings.members)
            }
        }
        let axes = ways.keys.sorted()
        return try factorisations(of: rankCount, over: axes.count).flatMap { sizes in
            var sections: [[JSONValue.Member]] = [[]]
            for (axis, size) in zip(axes, sizes) where size > 1 {
                let choices = (ways[axis] ?? []).map { way in
                    JSONValue.Member(axis.rawValue, .object([.init("size", .integer(size))] + way))
                }
                sections = sections.flatMap { section in choices.map { section + [$0] } }
            }
            return try sections.map { try RunLayout(.object($0), registry) }
        }
    }

    /// Each list of `count` factors whose product is `number`.
    private static func factorisations(of number: Int, over count: Int) -> [[Int]] {
        if count == 0 { return number == 1 ? [[]] : [] }
        if count == 1 { return [[number]] }
        return (1...number).filter { number % $0 == 0 }.flatMap { factor in
            factorisations(of: number / factor, over: count - 1).map { [factor] + $0 }
        }
    }
}
