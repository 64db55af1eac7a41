import Core
import PluginTestKit
import Testing

@Suite struct GradientCheckTests {
    @Test("gradients are the slopes of the outputs", arguments: GradientCheckCase.all)
    func slopes(operation: GradientCheckCase) {
        let check = GradientCheck(operation, Runtime(ReferenceBackend()), .float64)
        #expect(check.worstSlopeError(step: 1e-5) <= 1e-7)
    }

    @Test("weight gradients may be computed after backward", arguments: GradientCheckCase.all)
    func deferred(operation: GradientCheckCase) {
        let check = GradientCheck(operation, Runtime(ReferenceBackend()), .float64)
        #expect(check.run(deferringWeights: true).gradients == check.run().gradients)
    }

    @Test("the check sees a wrong gradient")
    func seesErrors() {
        let wrong = GradientCheckCase("a gradient that is off by a hundredth", [[3]]) { graph, x, _ in
            let runtime = graph.runtime
            return graph.record(inputs: x, outputs: [x[0].detached]) { gradients, _ in
                let dy = gradients[0]?.doubles() ?? []
                return [runtime.tensor(dy.map { $0 * 1.01 }, [3])]
            }
        }
        let check = GradientCheck(wrong, Runtime(ReferenceBackend()), .float64)
        #expect(check.worstSlopeError(step: 1e-5) > 1e-3)
        #expect(throws: ContractViolation.self) { try checkGradients(wrong) }
    }

    @Test("a graph that only computes records nothing")
    func computesOnly() {
        let runtime = Runtime(ReferenceBackend())
        let graph = Graph(runtime, recording: false)
        let x = graph.leaf(runtime.tensor([1.0, 2.0], [2]))
        let y = graph.activation(.silu, x)
        graph.backward(from: [(y, gradient: y)])
        #expect(graph.gradient(of: x)?.shape == nil)
    }
}
