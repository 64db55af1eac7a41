import Core

/// The most that matrix products reach on this machine, by running one.
enum MachinePeak {
    static func flopsPerSecond(_ runtime: Runtime, _ dtype: DType) -> Double {
        let size = runtime.backend.capabilities.name == "reference" ? 96 : 2048
        let (a, b, c) = (
            runtime.full([size, size], dtype, 0.5), runtime.full([size, size], dtype, 0.25),
            runtime.zeros([size, size], dtype)
        )
        let product = Operation.matmul(Matmul(a.view, b.view, into: c.view))
        runtime.run(product)
        let times = (0..<5).map { _ in
            let start = ContinuousClock.now
            runtime.run(product)
            runtime.backend.synchronize()
            return (ContinuousClock.now - start) / .seconds(1)
        }
        return 2 * Double(size) * Double(size) * Double(size) / (times.min() ?? .infinity)
    }
}
