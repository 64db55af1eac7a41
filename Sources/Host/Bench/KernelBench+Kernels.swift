// N rows, C width, F feed-forward width, V vocabulary, H heads, K key/value heads, D head size

import Core
import PluginAPI
import Random

extension KernelBench {
    /// Every kernel of a training step.
    func measureAll(_ optimizer: any Optimizer) throws {
        measureNorms()
        measureActivations()
        measureRows()
        measureSums()
        try measureUpdate(optimizer)
        measureAttention()
        measureHead()
        measureProducts()
    }

    private func measureNorms() {
        let (n, c) = (rowCount, KernelBench.width)
        let bytes = n * c * elementBytes
        if ["rms norm", "layer norm", "residual add + rms norm"].allSatisfy({ !wants($0) && !wants($0 + " backward") }) {
            return
        }
        let (x, y, weight, bias) = (array(n, c), array(n, c), parameter(c), parameter(c))
        measure("rms norm", [x], bytes: (2 * bytes, 3 * bytes)) { $0.rmsNorm($1[0], weight, epsilon: 1e-5) }
        measure("layer norm", [x], bytes: (2 * bytes, 3 * bytes)) {
            $0.layerNorm($1[0], weight, bias, epsilon: 1e-5)
        }
        // Reads both addends; writes their sum, which the next block adds to, and the norm of it.
        measure("residual add + rms norm", [x, y], bytes: (4 * bytes, 3 * bytes)) {
            $0.rmsNorm($0.add($1[0], $1[1]), weight, epsilon: 1e-5)
        }
    }

    private func measureActivations() {
        let (n, f) = (rowCount, KernelBench.mlpWidth)
        let bytes = n * f * elementBytes
        if ["swiglu", "geglu", "gelu", "dropout"].allSatisfy({ !wants($0) && !wants($0 + " backward") }) { return }
        let (gate, up) = (array(n, f), array(n, f))
        measure("swiglu", [gate, up], bytes: (3 * bytes, 5 * bytes)) { $0.gated(.silu, gate: $1[0], up: $1[1]) }
        measure("geglu", [gate, up], bytes: (3 * bytes, 5 * bytes)) { $0.gated(.geluTanh, gate: $1[0], up: $1[1]) }
        measure("gelu", [gate], bytes: (2 * bytes, 3 * bytes)) { $0.activation(.gelu, $1[0]) }
        let random = Philox(seed: 1, stream: "dropout")
        measure("dropout", [gate], bytes: (2 * bytes, 2 * bytes)) { $0.dropout($1[0], rate: 0.1, source: random) }
    }

    private func measureRows() {
        let (n, c, v) = (rowCount, KernelBench.width, KernelBench.vocabulary)
        let (h, d) = (KernelBench.headCount, KernelBench.headSize)
        if wants("rotary") || wants("rotary backward") {
            let (cosine, sine) = Rope(theta: 1e4, dimCount: d).tables(count: 2048, .float32, runtime)
            let positions = runtime.tensor((0..<n).map { Int32($0 % 2048) }, [1, n])
            let bytes = 2 * n * h * d * elementBytes
            measure("rotary", [array(1, n, h, d)], bytes: (bytes, bytes)) {
                $0.rotary($1[0], cosine: cosine, sine: sine, positions: positions)
            }
        }
        if wants("gather") || wants("scatter add") {
            let (table, ids) = (array(v, c), indices(n, below: v))
            let (rows, sums) = (array(n, c), array(v, c, of: .float32))
            let gather = Operation.gather(table: table.view, indices: ids.view, output: rows.view)
            measure("gather", bytes: gather.byteCount) { { self.runtime.run(gather) } }
            let scatter = Operation.scatterAdd(source: rows.view, indices: ids.view, table: sums.view)
            measure("scatter add", bytes: scatter.byteCount) { { self.runtime.run(scatter) } }
        }
        if wants("softmax") {
            let x = array(n, 2048)
            let program = Program(inputs: 1) { x, _ in
                let exponential = (x[0] - x[0].rowMax).exp
                return [exponential / exponential.rowSum]
            }
            let softmax = Operation.map(program, inputs: [x.view], outputs: [x.view], scalars: [])
            measure("softmax", bytes: softmax.byteCount) { { self.runtime.run(softmax) } }
        }
    }

    private func measureSums() {
        let (n, c) = (rowCount, KernelBench.width)
        let (x, y) = (array(n, c), array(n, c))
        let other: DType = dtype == .float32 ? .bfloat16 : .float32
        let operations: [(String, Operation)] = [
            (
                "add",
                .map(
                    Program(inputs: 2) { x, _ in [x[0] + x[1]] }, inputs: [x.view, y.view],
                    outputs: [array(n, c).view], scalars: [])
            ),
            ("sum of all", .sum(x.view, into: array(1, 1, of: .float32).view, accumulate: false)),
            ("sums of columns", .sum(x.view, into: array(1, c, of: .float32).view, accumulate: false)),
            (
                "sums of squares by row",
                .map(
                    Program(inputs: 1) { x, _ in [(x[0] * x[0]).rowSum] }, inputs: [x.view],
                    outputs: [array(n, 1, of: .float32).view], scalars: [])
            ),
            ("copy", .copy(from: x.view, to: array(n, c).view)),
            ("conversion to \(other.rawValue)", .copy(from: x.view, to: array(n, c, of: other).view)),
            ("philox", .random(Philox(seed: 1, stream: "bench"), first: 0, array(n, c).view)),
        ]
        for (name, operation) in operations {
            measure(name, bytes: operation.byteCount) { { self.runtime.run(operation) } }
        }
    }

    private func measureUpdate(_ optimizer: any Optimizer) throws {
        guard wants("adamw update") else { return }
        let spec = ParameterSpec(
            "w", [rowCount, KernelBench.width], block: "bench", initializer: .ones, placement: .replicated)
        let settings = OptimizerSettings(lr: 1e-3, weightDecay: 0.1, decay: .all, groups: [])
        let groups = try ParameterGroups([spec], optimizer, settings, freeze: [])
        let store = ParameterStore(
            [spec], runtime, precision: dtype == .bfloat16 ? .bfloat16 : .float32, seed: 1) { groups.number(of: $0) }
        let update = WeightUpdate(optimizer, store, groups)
        // Weight, both moments read and written, the gradient read; in float32. A bfloat16 copy is written beside.
        let bytes = spec.elementCount * (28 + (dtype == .bfloat16 ? 2 : 0))
        measure("adamw update", bytes: bytes) { { update.apply(step: 1, lrFactor: 1, gradientScale: 1) } }
    }

    private func measureAttention() {
        let (t, h, k, d) = (2048, KernelBench.headCount, KernelBench.keyValueHeadCount, KernelBench.headSize)
        guard wants("attention 1 x 2048") || wants("attention 1 x 2048 backward") else { return }
        let pairs = h * t * (t + 1) / 2
        measure(
            "attention 1 x 2048", [array(1, t, h, d), array(1, t, k, d), array(1, t, k, d)],
            flops: (4 * pairs * d, 8 * pairs * d)
        ) { $0.attention($1[0], $1[1], $1[2], scale: 0.125) }
    }

    private func measureHead() {
        let (n, c, v) = (2048, KernelBench.width, KernelBench.vocabulary)
        guard wants("head and scores 2048") || wants("head and scores 2048 backward") else { return }
        let (head, targets) = (parameter(v, c), indices(n, below: v))
        measure("head and scores 2048", [array(n, c)], flops: (2 * n * c * v, 4 * n * c * v)) {
            $0.score($1[0], head: head, targets: targets).logProb
        }
    }

    private func measureProducts() {
        let n = 2048
        for (inputs, outputs) in [(576, 576), (576, 192), (576, 1536), (1536, 576)] {
            let flops = 2 * n * inputs * outputs
            let name = "product \(n) x \(inputs) x \(outputs)"
            guard ["", " for dx", " for dw"].contains(where: { wants(name + $0) }) else { continue }
            let (x, w, y) = (array(n, inputs).view, array(outputs, inputs).view, array(n, outputs).view)
            let gradient = array(outputs, inputs, of: .float32).view
            measure(name, flops: flops) { { self.runtime.run(.matmul(Matmul(x, w.transposed(0, 1), into: y))) } }
            measure(name + " for dx", flops: flops) { { self.runtime.run(.matmul(Matmul(y, w, into: x))) } }
            measure(name + " for dw", flops: flops) {
                { self.runtime.run(.matmul(Matmul(y.transposed(0, 1), x, into: gradient, beta: 1))) }
            }
        }
    }
}
