import Core

/// What this machine reaches at best, by running it: figures are given as fractions of these.
enum MachinePeak {
    /// FLOP/s of a product of two square matrices.
    static func flopsPerSecond(_ runtime: Runtime, _ dtype: DType) -> Double {
        let size = runtime.backend.capabilities.name == "reference" ? 96 : 2048
        let (a, b, c) = (
            runtime.full([size, size], dtype, 0.5), runtime.full([size, size], dtype, 0.25),
            runtime.zeros([size, size], dtype)
        )
        let product = Operation.matmul(Matmul(a.view, b.view, into: c.view))
        return 2 * Double(size) * Double(size) * Double(size) / best(product, runtime)
    }

    /// Bytes read and written a second while an array larger than the caches is copied.
    static func copyBytesPerSecond(_ runtime: Runtime) -> Double {
        let count = runtime.backend.capabilities.name == "reference" ? 1 << 10 : 1 << 26
        let (from, to) = (runtime.full([count], .float32, 1), runtime.zeros([count], .float32))
        return Double(8 * count) / best(.copy(from: from.view, to: to.view), runtime)
    }

    private static func best(_ operation: Operation, _ runtime: Runtime) -> Double {
        runtime.run(operation)
        let times = (0..<5).map { _ in
            Stopwatch.seconds {
                runtime.run(operation)
                runtime.backend.synchronize()
            }
        }
        return times.min() ?? .infinity
    }
}
