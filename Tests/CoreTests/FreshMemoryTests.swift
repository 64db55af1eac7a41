import Core
import Foundation
import PluginTestKit
import Testing

/// Memory that is handed out holds what its last user left, so no operation may read what it did not write.
@Suite struct FreshMemoryTests {
    /// Blocks that are full of NaNs (of 255 where they hold bytes) whenever they are handed out.
    private final class SpoiledBlocks: BlockSource {
        private let system = SystemBlocks()

        func take(_ size: Int, alignment: Int) -> UnsafeMutableRawPointer? { system.take(size, alignment: alignment) }
        func give(_ block: UnsafeMutableRawPointer, _ size: Int) { system.give(block, size) }
        func use(_ block: UnsafeMutableRawPointer, _ byteCount: Int) { memset(block, 0xff, byteCount) }
    }

    private func spoiled() -> Runtime {
        Runtime(CPUBackend(threads: 2, products: ProductChoices(.builtIn), blocks: SpoiledBlocks()))
    }

    @Test(arguments: GradientCheckCase.all + CPUFusedTests.large, [DType.float32, .bfloat16])
    func `results and gradients do not depend on what memory held before`(operation: GradientCheckCase, dtype: DType) {
        let expected = GradientCheck(operation, Runtime(CPUBackend(threads: 2)), dtype).run()
        let found = GradientCheck(operation, spoiled(), dtype).run()
        #expect(found.outputs == expected.outputs && found.gradients == expected.gradients)
        #expect(!(found.outputs + found.gradients).contains { $0.contains { !$0.isFinite } })
    }
}
