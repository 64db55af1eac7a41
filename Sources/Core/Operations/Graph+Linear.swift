// N rows, I inputs, O outputs

extension Graph {
    /// y = x W^T + b. x [..., I], W [O, I] (or [I, O] when `isTransposed`, GPT-2's Conv1D), b [O]; y [..., O].
    /// 2 N I O FLOPs; dx = dy W, dW += dy^T x, db += sum dy.
    public func linear(
        _ x: Tensor, _ weight: Parameter, bias: Parameter? = nil, isTransposed: Bool = false
    ) -> Tensor {
        let runtime = runtime
        let w = isTransposed ? weight.compute.view.transposed(0, 1) : weight.compute.view
        let inputWidth = x.shape.last ?? 0
        precondition(
            w.shape.count == 2 && w.shape[1] == inputWidth,
            "linear \(weight.name): dim \(x.dimCount - 1) of x \(x.shape) is not \(w.shape[1])")
        let rows = x.elementCount / max(inputWidth, 1)
        let flat = x.contiguous().reshaped(to: [rows, inputWidth])
        let saved = x.view.isContiguous ? save(x) : SavedTensor(flat)
        let shape = x.shape
        let y = runtime.empty([rows, w.shape[0]], x.dtype)
        if let bias {
            runtime.run(.copy(from: bias.compute.view.broadcast(to: y.shape), to: y.view))
        }
        runtime.run(.matmul(Matmul(flat.view, w.transposed(0, 1), into: y.view, beta: bias == nil ? 0 : 1)))

        let trained = weight.isTrained || bias?.isTrained == true
        let output = record(
            inputs: [x], outputs: [y],
            weightGradients: !trained ? nil : { gradients in
                guard let dy = gradients[0]?.reshaped(to: [rows, w.shape[0]]) else { return }
                if let dw = weight.gradient {
                    let x = saved().reshaped(to: [rows, inputWidth])
                    let (left, right) = isTransposed ? (x, dy) : (dy, x)
                    runtime.run(.matmul(Matmul(left.view.transposed(0, 1), right.view, into: dw.view, beta: 1)))
                }
                if let db = bias?.gradient {
                    runtime.run(.sum(dy.view, into: db.view.reshaped(to: [1, w.shape[0]]), accumulate: true))
                }
            }
        ) { gradients, _ in
            guard let dy = gradients[0]?.reshaped(to: [rows, w.shape[0]]) else { return [nil] }
            let dx = runtime.empty([rows, inputWidth], dy.dtype)
            runtime.run(.matmul(Matmul(dy.view, w, into: dx.view)))
            return [dx.reshaped(to: shape)]
        }
        return output[0].reshaped(to: Array(shape.dropLast()) + [w.shape[0]])
    }

    /// x + b: x [..., O], b [O]; db += sum dy.
    public func bias(_ x: Tensor, _ bias: Parameter) -> Tensor {
        let runtime = runtime
        let width = bias.shape[0]
        let y = runtime.empty(x.shape, x.dtype)
        runtime.run(
            .map(
                .addition, inputs: [x.contiguous().view, bias.compute.view.broadcast(to: x.shape)], outputs: [y.view],
                scalars: []))
        let rows = x.elementCount / max(width, 1)
        let weights: WeightGradients? = bias.gradient.map { db in
            { gradients in
                guard let dy = gradients[0]?.reshaped(to: [rows, width]) else { return }
                runtime.run(.sum(dy.view, into: db.view.reshaped(to: [1, width]), accumulate: true))
            }
        }
        return record(inputs: [x], outputs: [y], weightGradients: weights) { gradients, _ in [gradients[0]] }[0]
    }

    /// Rows of a table: indices [...] int32, table [V, C]; result [..., C]. Backward adds dy's rows to the table's.
    /// - Parameter rows: the rows of the whole that `table` holds; other indices give zeros. Nil = all.
    public func embedding(_ indices: Tensor, _ table: Parameter, rows: Range<Int>? = nil) -> Tensor {
        let runtime = runtime
        var flat = indices.contiguous().reshaped(to: [indices.elementCount])
        let width = table.shape[1]
        let y = runtime.empty([flat.elementCount, width], table.compute.dtype)
        if let rows {
            // Counted from the first row held, and -1, which is left out, for rows that are not.
            let local = runtime.empty(flat.shape, .int32)
            runtime.run(
                .map(
                    Graph.localRows, inputs: [flat.view], outputs: [local.view],
                    scalars: [Double(rows.lowerBound), Double(rows.count)]))
            flat = local
        }
        runtime.run(.gather(table: table.compute.view, indices: flat.view, output: y.view))
        let weights: WeightGradients? = table.gradient.map { dtable in
            { gradients in
                guard let dy = gradients[0]?.reshaped(to: [flat.elementCount, width]) else { return }
                runtime.run(.scatterAdd(source: dy.view, indices: flat.view, table: dtable.view))
            }
        }
        return record(inputs: [], outputs: [y], weightGradients: weights) { _, _ in [] }[0]
            .reshaped(to: indices.shape + [width])
    }

    /// An index counted from scalar 0, or -1 when it is not below scalar 1 then.
    private static let localRows = Program(inputs: 1, scalars: 2) { x, s in
        let row = x[0] - s[0]
        let nothing = row.constant(-1)
        return [select(row < s[1], maximum(row, nothing), nothing)]
    }

    /// Chosen rows: x [N, C], indices [M] int32; result [M, C]. Backward adds each row's gradient where it came from.
    public func rows(_ x: Tensor, at indices: Tensor) -> Tensor {
        let runtime = runtime
        let y = runtime.empty([indices.elementCount, x.shape[1]], x.dtype)
        runtime.run(.gather(table: x.view, indices: indices.view, output: y.view))
        let (shape, dtype, gathered) = (x.shape, x.dtype, y.shape)
        return record(inputs: [x], outputs: [y]) { gradients, _ in
            guard let dy = gradients[0] else { return [nil] }
            let dx = runtime.zeros(shape, dtype)
            runtime.run(.scatterAdd(source: dy.reshaped(to: gathered).view, indices: indices.view, table: dx.view))
            return [dx]
        }[0]
    }

    /// Sums of rows by index: x [N, C], indices [N] int32 (negative = left out); result [count, C].
    /// Backward gives each row the gradient of its sum.
    public func sums(_ x: Tensor, by indices: Tensor, count: Int) -> Tensor {
        let runtime = runtime
        let y = runtime.zeros([count, x.shape[1]], x.dtype)
        runtime.run(.scatterAdd(source: x.view, indices: indices.view, table: y.view))
        let (shape, dtype) = (x.shape, x.dtype)
        return record(inputs: [x], outputs: [y]) { gradients, _ in
            guard let dy = gradients[0]?.reshaped(to: [count, shape[1]]) else { return [nil] }
            // A row of zeros stands after the sums for the rows that were left out.
            let padded = runtime.zeros([count + 1, shape[1]], dtype)
            runtime.run(.copy(from: dy.view, to: padded.view.sliced(dim: 0, 0..<count)))
            let program = Program(inputs: 1, scalars: 1) { i, end in [select(i[0] < i[0].constant(0), end[0], i[0])] }
            let source = runtime.empty(indices.shape, .int32)
            runtime.run(.map(program, inputs: [indices.view], outputs: [source.view], scalars: [Double(count)]))
            let dx = runtime.empty(shape, dtype)
            runtime.run(.gather(table: padded.view, indices: source.view, output: dx.view))
            return [dx]
        }[0]
    }
}
