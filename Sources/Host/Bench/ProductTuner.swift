package import Core
import Random

/// Measures the libraries of matrix products side by side on this machine and makes a table of the fastest.
package struct ProductTuner {
    /// c [M, N] = a [M, K] b [K, N] as one part of a training step lays it out.
    package struct Shape {
        package enum Role: String {
            /// y = x W^T
            case forward
            /// dx = dy W
            case inputGradient = "dx"
            /// dW += dy^T x
            case weightGradient = "dw"
        }

        let role: Role
        let m: Int
        let n: Int
        let k: Int

        package init(_ role: Role, _ m: Int, _ n: Int, _ k: Int) { (self.role, self.m, self.n, self.k) = (role, m, n, k) }

        var kind: ProductClass { ProductClass(rows: m, columns: n, depth: k) }
    }

    /// The median speed of one library at one product.
    package struct Figure {
        let shape: Shape
        let kind: ProductKind
        let library: ProductLibrary
        let seconds: Double

        package init(_ dtype: DType, _ shape: Shape, _ library: ProductLibrary, seconds: Double) {
            (self.shape, self.library, self.seconds) = (shape, library, seconds)
            kind = ProductKind(dtype, shape.kind)
        }

        var flopsPerSecond: Double { 2 * Double(shape.m) * Double(shape.n) * Double(shape.k) / seconds }
    }

    /// Layers 576 wide with 1536 in the middle and 192 for keys, 2048 tokens, and pieces of a head of 49152.
    static let shapes = [
        Shape(.forward, 16, 1536, 576), Shape(.forward, 64, 576, 1536), Shape(.forward, 16, 49152, 576),
        Shape(.forward, 2048, 576, 576), Shape(.forward, 2048, 192, 576), Shape(.forward, 2048, 1536, 576),
        Shape(.forward, 2048, 576, 1536), Shape(.inputGradient, 2048, 1536, 576),
        Shape(.inputGradient, 2048, 576, 1536), Shape(.forward, 512, 49152, 576),
        Shape(.weightGradient, 49152, 576, 512), Shape(.weightGradient, 576, 576, 2048),
        Shape(.weightGradient, 192, 576, 2048), Shape(.weightGradient, 1536, 576, 2048),
        Shape(.weightGradient, 576, 1536, 2048), Shape(.inputGradient, 512, 576, 49152),
    ]

    let threads: Int
    let libraries: ProductLibraries
    var shapes = ProductTuner.shapes
    var rounds = 7

    /// Times every product by every library that is here; in each round one after the other, so that what disturbs the
    /// machine disturbs all. The plain product is left out where there is another.
    func measure() -> [Figure] {
        ProductKind.dtypes.flatMap { dtype in
            let present = ProductLibrary.allCases.filter { libraries.absence(of: $0, for: dtype) == nil }
            let rivals = present.count > 1 ? present.filter { $0 != .plain } : present
            let backends = rivals.map { library in
                let table = ProductTable(rows: [ProductTable.Row(library: library)], origin: "forktail bench kernels")
                return CPUBackend(threads: threads, products: ProductChoices(table, libraries: libraries))
            }
            return shapes.flatMap { shape in
                let times = measure(shape, dtype, backends)
                return zip(rivals, times).map {
                    Figure(dtype, shape, $0, seconds: $1)
                }
            }
        }
    }

    private func measure(_ shape: Shape, _ dtype: DType, _ backends: [CPUBackend]) -> [Double] {
        guard let first = backends.first else { return [] }
        let runtime = Runtime(first)
        func random(_ rows: Int, _ columns: Int, _ name: String) -> BufferView {
            let tensor = runtime.empty([rows, columns], dtype)
            runtime.run(.random(Philox(seed: 1, stream: name), first: 0, tensor.view))
            return tensor.view
        }
        let (m, n, k) = (shape.m, shape.n, shape.k)
        let a = shape.role == .weightGradient ? random(k, m, "a").transposed(0, 1) : random(m, k, "a")
        let b = shape.role == .forward ? random(n, k, "b").transposed(0, 1) : random(k, n, "b")
        let adds = shape.role == .weightGradient
        let c = runtime.zeros([m, n], adds ? .float32 : dtype)
        let product = Operation.matmul(Matmul(a, b, into: c.view, beta: adds ? 1 : 0))
        var times = backends.map { _ in [Double]() }
        // Small products are repeated until a clock tells their time well.
        let repeats = max(1, 200_000_000 / (2 * m * n * k))
        for round in 0...rounds {
            for (index, backend) in backends.enumerated() {
                let start = ContinuousClock.now
                for _ in 0..<repeats { backend.run(product) }
                let seconds = (ContinuousClock.now - start) / .seconds(1) / Double(repeats)
                // The first round prepares: libraries make kernels for a shape when they meet it.
                if round > 0 { times[index].append(seconds) }
            }
        }
        return times.map { $0.sorted()[$0.count / 2] }
    }

    /// The best library for every kind: the one that takes its products in the least time together. Panels are kept
    /// where they come within 3 %, and for few rows wherever there are any: generation needs results that do not depend
    /// on how many rows there are.
    package static func rows(_ figures: [Figure], for processor: String) -> [ProductTable.Row] {
        ProductKind.all.compactMap { kind in
            let own = figures.filter { $0.kind == kind }
            let seconds = Dictionary(grouping: own, by: \.library).mapValues { $0.reduce(0) { $0 + $1.seconds } }
            guard let fastest = seconds.min(by: { $0.value < $1.value }) else { return nil }
            let keepsPanels = seconds[.panels].map { kind.shape == .fewRows || $0 <= fastest.value * 1.03 } ?? false
            let operations = own.filter { $0.library == fastest.key }
                .reduce(0) { $0 + 2 * Double($1.shape.m) * Double($1.shape.n) * Double($1.shape.k) }
            return ProductTable.Row(
                processor: processor, dtype: kind.dtype, shape: kind.shape,
                library: keepsPanels ? .panels : fastest.key,
                speeds: seconds.mapValues { (operations / $0 / 1e8).rounded() / 10 })
        }
    }
}
