extension Graph {
    /// Runs an elementwise or row program; its backward is the program's own gradient.
    ///
    /// - Parameters:
    ///   - program: the formula.
    ///   - inputs: broadcast against each other; a last dim of 1 is a value per row.
    ///   - scalars: the program's scalars (constants to autograd).
    ///   - rowOutputs: outputs that hold one value a row (last dim 1 in the result).
    ///   - dtype: element type of the outputs; that of the first floating input when nil.
    /// - Returns: the program's outputs.
    public func map(
        _ program: Program, _ inputs: [Tensor], scalars: [Double] = [], rowOutputs: Set<Int> = [],
        dtype: DType? = nil
    ) -> [Tensor] {
        let runtime = runtime
        let shape = Graph.broadcastShape(inputs.map(\.shape))
        let dtype = dtype ?? inputs.first { $0.dtype.isFloatingPoint }?.dtype ?? .float32
        let rowShape = Array(shape.dropLast()) + [1]
        let outputShapes = program.outputs.indices.map { rowOutputs.contains($0) ? rowShape : shape }
        let views = inputs.map { Graph.leadingBroadcast($0.view, to: shape) }
        func forward() -> [Tensor] {
            let outputs = outputShapes.map { runtime.empty($0, dtype) }
            runtime.run(.map(program, inputs: views, outputs: outputs.map(\.view), scalars: scalars))
            return outputs
        }

        let saved = inputs.map(\.detached)
        return record(inputs: inputs, outputs: forward(), remaking: forward) { gradients, wanted in
            let width = shape.last ?? 1
            let wantedInputs = wanted.indices.filter { wanted[$0] }
            let rowInputs = Set(inputs.indices.filter { width != 1 && (saved[$0].shape.last ?? 1) == 1 })
            let backward = program.gradient(for: wantedInputs, rowOutputs: rowOutputs, rowInputs: rowInputs)
            let incoming = gradients.enumerated().map { index, gradient in
                (gradient ?? runtime.zeros([1], dtype)).view
            }
            let incomingViews = zip(incoming, outputShapes).map { view, shape in
                let shaped = view.elementCount == shape.reduce(1, *) ? view.reshaped(to: shape) : view
                return shaped.broadcast(to: shape)
            }
            let results = wantedInputs.map { index in
                runtime.empty(rowInputs.contains(index) ? rowShape : shape, saved[index].dtype)
            }
            runtime.run(
                .map(
                    backward, inputs: views + incomingViews, outputs: results.map(\.view), scalars: scalars))
            var found = [Tensor?](repeating: nil, count: wanted.count)
            for (index, result) in zip(wantedInputs, results) {
                found[index] = runtime.summed(result, to: saved[index].shape)
            }
            return found
        }
    }

    /// The shape to which all shapes broadcast.
    static func broadcastShape(_ shapes: [[Int]]) -> [Int] {
        let count = shapes.map(\.count).max() ?? 0
        return (0..<count).map { dim in
            let sizes = shapes.compactMap { shape in
                dim >= count - shape.count ? shape[dim - (count - shape.count)] : nil
            }
            let size = sizes.first { $0 != 1 } ?? 1
            precondition(sizes.allSatisfy { $0 == size || $0 == 1 }, "map: dim \(dim) of \(shapes) does not broadcast")
            return size
        }
    }

    /// Broadcasts all dims but a last one of size 1, which programs read as a value per row.
    private static func leadingBroadcast(_ view: BufferView, to shape: [Int]) -> BufferView {
        guard view.shape.last == 1, shape.last != 1 else { return view.broadcast(to: shape) }
        return view.broadcast(to: Array(shape.dropLast()) + [1])
    }
}

extension Runtime {
    /// The sum over the dims in which `shape` is 1 or missing: the gradient of a broadcast.
    func summed(_ tensor: Tensor, to shape: [Int]) -> Tensor {
        if tensor.shape == shape { return tensor }
        let padded = [Int](repeating: 1, count: tensor.dimCount - shape.count) + shape
        let total = empty(padded, tensor.dtype)
        run(.sum(tensor.view, into: total.view, accumulate: false))
        return total.reshaped(to: shape)
    }
}
