import Core

/// What this machine reaches at best, by running it: figures are given as fractions of these.
enum MachinePeak {
    /// FLOP/s of matrix products: the best of three sizes, of which one is not square.
    static func flopsPerSecond(_ runtime: Runtime, _ dtype: DType) -> Double {
        let isReference = runtime.backend.capabilities.name == "reference"
        let sizes = isReference ? [(96, 96, 96)] : [(2048, 2048, 2048), (1024, 1024, 1024), (2048, 576, 1536)]
        let rates = sizes.map { m, k, n in
            let (a, b, c) = (
                runtime.full([m, k], dtype, 0.5), runtime.full([k, n], dtype, 0.25), runtime.zeros([m, n], dtype)
            )
            return 2 * Double(m * k * n) / best(.matmul(Matmul(a.view, b.view, into: c.view)), runtime)
        }
        return rates.max() ?? 0
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
