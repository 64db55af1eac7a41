import Core
import JSON
import OptimizerAdamW
import OptimizerLion
import OptimizerMuon
import OptimizerSGD
import PluginAPI
import Testing

/// Five steps on two small matrices against torch (AdamW, SGD) and numpy (Lion, Muon): Tests/Reference/optimizers.py.
@Suite struct OptimizerTests {
    /// Case 9 is the first release's momentum, which differs by where the norm's 1e-7 stands.
    @Test(arguments: 0..<11) func `five steps equal the reference's in float64`(number: Int) throws {
        #expect(try distance(of: number, .float64) <= (number == 9 ? 1e-6 : 1e-12))
    }

    @Test(arguments: 0..<11) func `five steps stay near the reference's in float32`(number: Int) throws {
        #expect(try distance(of: number, .float32) <= 1e-5)
    }

    @Test func `muon leaves embeddings, heads and vectors to AdamW's rule`() throws {
        let muon = try Muon(.template)
        #expect(muon.needsWholeMatrix(name: "model.layers.0.mlp.up_proj.weight", shape: [8, 4]))
        for (name, shape) in [
            ("model.embed_tokens.weight", [9, 4]), ("lm_head.weight", [9, 4]), ("transformer.wte.weight", [9, 4]),
            ("model.norm.weight", [4]),
        ] { #expect(!muon.needsWholeMatrix(name: name, shape: shape)) }
    }

    @Test func `what muon leaves out moves as AdamW moves it`() throws {
        let names = ["exp_avg", "exp_avg_sq"]
        #expect(try Muon(.template).stateNames == names && AdamW(.template).stateNames == names)
        let golden = try Goldens.json("optimizers.json")
        let options = try #require(golden["cases"]?.array?[0])
        let muon = try Muon(settings(Muon.Config.self, #"{"exclude": ["*"], "betas": [0.9, 0.95]}"#))
        #expect(try distance(muon, options, golden, .float64) <= 1e-12)
    }

    @Test func `momentum outside its range is refused`() {
        let error = #expect(throws: InputError.self) { try SGD(settings(SGD.Config.self, #"{"nesterov": true}"#)) }
        #expect(
            error?.description == "optimizer.nesterov: found true with momentum 0.0 and dampening 0.0, expected "
                + "momentum above 0 and no dampening\n    fix: optimizer.momentum=0.9 optimizer.dampening=0")
    }

    /// The largest difference from the golden's weights over all steps.
    private func distance(of number: Int, _ precision: Precision) throws -> Double {
        let golden = try Goldens.json("optimizers.json")
        let options = try #require(golden["cases"]?.array?[number])
        return try distance(optimizer(options), options, golden, precision)
    }

    private func distance(
        _ optimizer: any Optimizer, _ options: JSONValue, _ golden: JSONValue, _ precision: Precision
    ) throws -> Double {
        let runtime = Runtime(ReferenceBackend())
        let specs = [("matrix", [4, 3]), ("wide", [2, 5])].map {
            ParameterSpec($0, $1, block: "layers.0", initializer: .zeros, placement: .replicated)
        }
        let rates = OptimizerSettings(
            lr: options["lr"]?.double ?? 0, weightDecay: options["weight_decay"]?.double ?? 0, decay: .all, groups: [])
        let groups = try ParameterGroups(specs, optimizer, rates, freeze: [])
        let store = ParameterStore(specs, runtime, precision: precision, seed: nil) { groups.number(of: $0) }
        func fill(_ tensor: Tensor?, _ values: JSONValue?) throws {
            let tensor = try #require(tensor)
            runtime.run(.copy(from: runtime.tensor(try #require(values).numbers, tensor.shape).view, to: tensor.view))
        }
        for parameter in store.parameters { try fill(parameter.value, golden["initial"]?[parameter.name]) }
        let update = WeightUpdate(optimizer, store, groups)
        var largest = 0.0
        let after = try #require(options["after"]?.array)
        for (step, gradients) in try #require(golden["gradients"]?.array).enumerated() {
            for parameter in store.parameters { try fill(parameter.gradient, gradients[parameter.name]) }
            update.apply(step: step + 1, lrFactor: 1, gradientScale: 1)
            for parameter in store.parameters {
                let expected = try #require(after[step][parameter.name]).numbers
                for (value, goal) in zip(parameter.value.doubles(), expected) {
                    largest = max(largest, abs(value - goal))
                }
            }
        }
        return largest
    }

    /// The plugin with the golden's options under the plugin's own keys.
    private func optimizer(_ options: JSONValue) throws -> any Optimizer {
        func settings<Config: PluginConfig>(_ type: Config.Type) throws -> Config {
            let known = try ConfigSchema(type).keys
            let own = options.members.filter { known.contains($0.key) }
            return try PluginsTests.settings(type, JSONValue.object(own).text)
        }
        switch options["optimizer"]?.string {
        case "adamw": return try AdamW(settings(AdamW.Config.self))
        case "sgd": return try SGD(settings(SGD.Config.self))
        case "lion": return try Lion(settings(Lion.Config.self))
        default:
            var config = try settings(Muon.Config.self)
            config.adjustment = options["moonshot"]?.bool == true ? .matchAdamW : .original
            return try Muon(config)
        }
    }
}
