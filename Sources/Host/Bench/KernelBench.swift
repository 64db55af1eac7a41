// N rows, C width, F feed-forward width, V vocabulary, H heads, K key/value heads, D head size

import Core
import JSON

/// Times kernels through the calls that models make, one by one.
///
/// The bytes of a kernel are what an ideal one moves: every input read and every output written once. So a kernel that
/// works in several passes, or converts through copies, shows a low fraction of the copy bandwidth.
final class KernelBench {
    let runtime: Runtime
    /// The type of activations.
    let dtype: DType
    /// N: enough rows that an array of activations is larger than the caches.
    let rowCount: Int
    /// Kernels whose names do not hold this are left out.
    let filter: String?
    let copyBytesPerSecond: Double
    let peakFlopsPerSecond: Double
    private(set) var rows: [BenchReport.Row] = []

    // The widths of SmolLM2-135M, the machine's everyday model.
    static let (width, mlpWidth, vocabulary, headCount, keyValueHeadCount, headSize) = (576, 1536, 49152, 9, 3, 64)
    private static let repetitions = 5

    init(_ runtime: Runtime, _ dtype: DType, rowCount: Int, filter: String?, copyBytesPerSecond: Double) {
        (self.runtime, self.dtype, self.rowCount, self.filter) = (runtime, dtype, rowCount, filter)
        self.copyBytesPerSecond = copyBytesPerSecond
        peakFlopsPerSecond = MachinePeak.flopsPerSecond(runtime, dtype)
    }

    var elementBytes: Int { dtype.byteCount }

    /// Whether the kernel is wanted; what it works on is made only then.
    func wants(_ name: String) -> Bool { filter.map { title(name).contains($0) } ?? true }

    private func title(_ name: String) -> String { "\(name) \(dtype.rawValue)" }

    /// Times a kernel that is bound by memory.
    /// - Parameter prepare: makes what one run needs, which is not timed, and returns the run.
    func measure(_ name: String, bytes: Int, prepare: () -> () -> Void) {
        guard wants(name) else { return }
        let seconds = median(prepare)
        let rate = Double(bytes) / seconds
        rows.append(
            BenchReport.Row(
                name: title(name),
                figures: [
                    .init("seconds", .double(seconds)), .init("bytes", .integer(bytes)),
                    .init("gigabytes_per_second", .double(rate / 1e9)),
                    .init("fraction_of_copy", .double(rate / copyBytesPerSecond)),
                ]))
    }

    /// Times a kernel that is bound by arithmetic.
    func measure(_ name: String, flops: Int, prepare: () -> () -> Void) {
        guard wants(name) else { return }
        let seconds = median(prepare)
        let rate = Double(flops) / seconds
        rows.append(
            BenchReport.Row(
                name: title(name),
                figures: [
                    .init("seconds", .double(seconds)), .init("flops", .integer(flops)),
                    .init("gigaflops_per_second", .double(rate / 1e9)),
                    .init("fraction_of_peak", .double(rate / peakFlopsPerSecond)),
                ]))
    }

    private func median(_ prepare: () -> () -> Void) -> Double {
        let times = (0...KernelBench.repetitions).map { _ in
            let run = prepare()
            return Stopwatch.seconds {
                run()
                runtime.backend.synchronize()
            }
        }
        // The first run finds no memory to reuse.
        return Stopwatch.median(Array(times.dropFirst()))
    }

    // MARK: what kernels work on

    /// An array of one value: no kernel here is faster or slower for it.
    func array(_ shape: Int..., of dtype: DType? = nil) -> Tensor { runtime.full(shape, dtype ?? self.dtype, 0.5) }

    /// Row numbers spread over 0..<count, [N] int32.
    func indices(_ n: Int, below count: Int) -> Tensor {
        runtime.tensor((0..<n).map { Int32($0 &* 7919 % count) }, [n])
    }

    /// A trained parameter of its own.
    func parameter(_ shape: Int...) -> Parameter {
        let precision: Precision = dtype == .bfloat16 ? .bfloat16 : .float32
        let spec = ParameterSpec("w", shape, block: "bench", initializer: .ones, placement: .replicated)
        return ParameterStore([spec], runtime, precision: precision, seed: 1)["w"]
    }

    /// Times a function of the graph forward, and backward from a gradient of ones.
    /// - Parameters:
    ///   - inputs: what gradients flow to.
    ///   - bytes: of forward and of backward.
    func measure(
        _ name: String, _ inputs: [Tensor], bytes: (forward: Int, backward: Int),
        _ body: @escaping (Graph, [Tensor]) -> Tensor
    ) {
        measure(name, bytes: bytes.forward) {
            let graph = Graph(self.runtime, recording: false)
            return { _ = body(graph, inputs) }
        }
        measure("\(name) backward", bytes: bytes.backward) { self.backward(inputs, body) }
    }

    /// As above for kernels bound by arithmetic.
    func measure(
        _ name: String, _ inputs: [Tensor], flops: (forward: Int, backward: Int),
        _ body: @escaping (Graph, [Tensor]) -> Tensor
    ) {
        measure(name, flops: flops.forward) {
            let graph = Graph(self.runtime, recording: false)
            return { _ = body(graph, inputs) }
        }
        measure("\(name) backward", flops: flops.backward) { self.backward(inputs, body) }
    }

    private func backward(_ inputs: [Tensor], _ body: @escaping (Graph, [Tensor]) -> Tensor) -> () -> Void {
        let graph = Graph(runtime, recording: true)
        let output = body(graph, inputs.map { graph.leaf($0) })
        let gradient = runtime.full(output.shape, output.dtype, 1)
        return { _ = graph.backward(from: [(output, gradient: gradient)]) }
    }
}
