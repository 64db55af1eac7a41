import Core
import Random

/// One CPU backend and the reference, fed the same numbers.
struct CPUFixture {
    let cpu: CPUBackend
    let reference = ReferenceBackend()

    init(_ cpu: CPUBackend = CPUBackend(threads: 2)) { self.cpu = cpu }

    /// A view on each backend with the same random values; `strides` may leave gaps or repeat.
    func views(
        _ shape: [Int], _ dtype: DType = .float32, strides: [Int]? = nil, seed: UInt64 = 1, scale: Double = 2,
        offset: Int = 0
    ) -> (cpu: BufferView, reference: BufferView) {
        let strides = strides ?? BufferView.rowMajorStrides(shape)
        let last = zip(shape, strides).map { max($0 - 1, 0) * $1 }.reduce(0, +)
        let count = last + 1 + offset
        let source = Philox(seed: seed, stream: "test")
        // Bytes hold no negative numbers.
        let values = (0..<count).map {
            (source.uniform(at: UInt64($0)) - (dtype == .uint8 ? 0 : 0.5)) * 2 * scale
        }
        func make(_ backend: any Backend) -> BufferView {
            let runtime = Runtime(backend)
            let tensor = runtime.tensor(values, [count]).cast(to: dtype)
            return BufferView(buffer: tensor.view.buffer, offset: offset, shape: shape, strides: strides, dtype: dtype)
        }
        return (make(cpu), make(reference))
    }

    /// The values of a view in row-major order.
    func doubles(_ view: BufferView, on backend: any Backend) -> [Double] {
        Tensor(view, Runtime(backend)).doubles()
    }

    /// Runs an operation made from views on both backends and returns the largest difference between the results,
    /// relative to the largest value.
    func difference(
        _ make: (_ isCPU: Bool) -> Operation, results: [(cpu: BufferView, reference: BufferView)]
    ) -> Double {
        Runtime(cpu).run(make(true))
        Runtime(reference).run(make(false))
        var worst = 0.0
        for result in results {
            let expected = doubles(result.reference, on: reference)
            let found = doubles(result.cpu, on: cpu)
            let scale = max(expected.map { abs($0) }.filter(\.isFinite).max() ?? 1, 1e-30)
            for (a, b) in zip(expected, found) where a != b && !(a.isNaN && b.isNaN) {
                let gap = abs(a - b) / scale
                worst = max(worst, gap.isNaN ? .infinity : gap)
            }
        }
        return worst
    }
}

func pick(_ pair: (cpu: BufferView, reference: BufferView), _ isCPU: Bool) -> BufferView {
    isCPU ? pair.cpu : pair.reference
}

extension CPUBackend {
    /// As on a CPU that has panels for these element types.
    convenience init(threads: Int, panelTypes: [DType]) {
        self.init(threads: threads, products: ProductChoices(.builtIn, libraries: ProductLibraries(panelTypes: panelTypes)))
    }
}
