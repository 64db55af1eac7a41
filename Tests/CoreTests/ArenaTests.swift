import Core
import Random
import Testing

@Suite struct ArenaTests {
    private let runtime = Runtime(ReferenceBackend())

    private let specs = [
        ParameterSpec(
            "embed.weight", [5, 7], block: "embedding", initializer: .normal(standardDeviation: 0.5),
            placement: .vocabulary),
        ParameterSpec(
            "a.weight", [3, 30], block: "layers.0", initializer: .normal(standardDeviation: 0.5), placement: Placement(.columns)),
        ParameterSpec("a.bias", [3], block: "layers.0", initializer: .zeros, placement: Placement(.columns)),
        ParameterSpec("norm.weight", [4], block: "layers.0", initializer: .ones, placement: .replicated),
    ]

    @Test("lent parameters stay where they are, and no arena holds them")
    func lent() {
        let value = runtime.full([5, 7], .float32, 3)
        let store = ParameterStore(
            specs, runtime, precision: .float32, seed: 1, group: { $0.hasPrefix("embed") ? nil : 0 },
            lent: ["embed.weight": value])
        #expect(store.arenas.map(\.block) == ["layers.0"])
        #expect(store.parameters.map(\.name) == specs.map(\.name))
        #expect(store["embed.weight"].value.view.buffer === value.view.buffer && !store["embed.weight"].isTrained)
        store.zeroGradients()
        store.refreshCompute()
        #expect(value.doubles().allSatisfy { $0 == 3 })
    }

    @Test("parameters are aligned views into one buffer per block and group")
    func layout() {
        let store = ParameterStore(specs, runtime, precision: .float32, seed: 1) { $0.hasPrefix("norm") ? 1 : 0 }
        #expect(store.arenas.map(\.block) == ["embedding", "layers.0", "layers.0"])
        #expect(store.arenas.map(\.group) == [0, 0, 1])
        #expect(store.arenas[1].entries.map(\.range) == [0..<90, 256..<259])
        #expect(store.arenas.map(\.elementCount) == [256, 512, 256])
        #expect(store.parameters.map(\.name) == specs.map(\.name))
        #expect(store["a.bias"].value.view.buffer === store["a.weight"].value.view.buffer)
        #expect(store["a.bias"].gradient?.view.offset == 256)
        #expect(store.find("missing") == nil)
    }

    @Test("what lies between parameters is zero, so a buffer's norm is its parameters' norm")
    func padding() {
        let store = ParameterStore(specs, runtime, precision: .float64, seed: 1)
        let whole = store.arenas.flatMap { $0.weights.doubles() }.map { $0 * $0 }.reduce(0, +)
        let parts = store.parameters.flatMap { $0.value.doubles() }.map { $0 * $0 }.reduce(0, +)
        #expect(abs(whole - parts) < 1e-12)
    }

    @Test("a value depends on seed, name and element only")
    func initialisation() {
        let one = ParameterStore(specs, runtime, precision: .float64, seed: 9)
        let other = ParameterStore(specs.reversed(), runtime, precision: .float64, seed: 9) { _ in nil }
        for spec in specs { #expect(one[spec.name].value.doubles() == other[spec.name].value.doubles()) }
        let source = Philox(seed: 9, stream: "init/a.weight")
        #expect(one["a.weight"].value.doubles()[77] == source.normal(at: 77) * 0.5)
        #expect(one["norm.weight"].value.doubles() == [1, 1, 1, 1])
        #expect(one["a.bias"].value.doubles() == [0, 0, 0])
    }

    @Test("frozen parameters have no gradient and no master", arguments: Precision.allCases)
    func frozen(precision: Precision) {
        let store = ParameterStore(specs, runtime, precision: precision, seed: 1) { $0.hasPrefix("a") ? 0 : nil }
        #expect(store["embed.weight"].gradient == nil)
        #expect(store["embed.weight"].value.dtype == precision.compute)
        #expect(store["a.weight"].value.dtype == precision.master)
        #expect(store["a.weight"].compute.dtype == precision.compute)
        #expect(store["a.weight"].compute.floats().contains { $0 != 0 })
    }

    @Test("zeroing and refreshing reach every parameter")
    func zeroingAndRefreshing() throws {
        let store = ParameterStore(specs, runtime, precision: .bfloat16, seed: 1)
        let weight = store["a.weight"]
        let gradient = try #require(weight.gradient)
        runtime.run(.fill(gradient.view, value: 3))
        runtime.run(.fill(weight.value.view, value: 1.0078125))
        store.zeroGradients()
        store.refreshCompute()
        #expect(gradient.doubles().allSatisfy { $0 == 0 })
        #expect(weight.compute.doubles().allSatisfy { $0 == 1.0078125 })
    }
}
