import Core
import PluginTestKit
import Testing

@Suite struct GradientCheckCPUTests {
    @Test("outputs and gradients in float32 are the reference's", arguments: GradientCheckCase.all, [1, 3])
    func float32(operation: GradientCheckCase, threads: Int) {
        let reference = GradientCheck(operation, Runtime(ReferenceBackend()), .float32).run()
        let fast = GradientCheck(operation, Runtime(CPUBackend(threads: threads)), .float32).run()
        let worst = zip(fast.outputs + fast.gradients, reference.outputs + reference.gradients)
            .map(relativeDifference).max() ?? 0
        #expect(worst <= 1e-5)
    }

    @Test("outputs and gradients in bfloat16 are near the reference's", arguments: GradientCheckCase.all)
    func bfloat16(operation: GradientCheckCase) {
        let reference = GradientCheck(operation, Runtime(ReferenceBackend()), .bfloat16).run()
        let fast = GradientCheck(operation, Runtime(CPUBackend(threads: 2)), .bfloat16).run()
        let worst = zip(fast.outputs + fast.gradients, reference.outputs + reference.gradients)
            .map(relativeDifference).max() ?? 0
        #expect(worst <= 2e-2)
    }

    /// The norm of the difference over the reference's norm.
    private func relativeDifference(_ fast: [Double], _ reference: [Double]) -> Double {
        let squared = zip(fast, reference).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let total = reference.reduce(0) { $0 + $1 * $1 }
        if fast.count != reference.count || !squared.isFinite { return .infinity }
        return (squared / max(total, 1e-3)).squareRoot()
    }
}
