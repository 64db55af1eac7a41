// N rows, C width

extension Graph {
    /// y = x / sqrt(mean(x^2) + epsilon) * weight over the last dim (Zhang and Sennrich 2019, arXiv 1910.07467, eq. 4).
    public func rmsNorm(_ x: Tensor, _ weight: Parameter, epsilon: Double) -> Tensor {
        normalise(x, weight, bias: nil, epsilon).norm
    }

    /// y = (x - mean) / sqrt(var + epsilon) * weight + bias over the last dim (Ba et al. 2016, arXiv 1607.06450, eq. 3).
    public func layerNorm(_ x: Tensor, _ weight: Parameter, _ bias: Parameter, epsilon: Double) -> Tensor {
        normalise(x, weight, bias: bias, epsilon).norm
    }

    /// The norm (`rmsNorm`, or `layerNorm` with a bias), and x itself for its other reader: the gradients of both are
    /// added up in the pass that makes the norm's.
    public func normAndInput(
        _ x: Tensor, _ weight: Parameter, bias: Parameter? = nil, epsilon: Double
    ) -> (norm: Tensor, input: Tensor) {
        normalise(x, weight, bias: bias, epsilon)
    }

    private func normalise(
        _ x: Tensor, _ weight: Parameter, bias: Parameter?, _ epsilon: Double
    ) -> (norm: Tensor, input: Tensor) {
        let runtime = runtime
        let width = weight.shape[0]
        precondition(x.shape.last == width, "norm \(weight.name): last dim of \(x.shape) is not \(width)")
        let rows = x.elementCount / width
        let flat = x.contiguous().reshaped(to: [rows, width])
        let kept: DType = x.dtype == .bfloat16 ? .float32 : x.dtype
        let y = runtime.empty([rows, width], x.dtype)
        let inverse = runtime.empty([rows], kept)
        let mean = bias == nil ? nil : runtime.empty([rows], kept)
        let shape = x.shape
        func forward(into y: Tensor) {
            let norm = Norm(
                x: flat.view, weight: weight.compute.view, bias: bias?.compute.view, y: y.view, inverse: inverse.view,
                mean: mean?.view, epsilon: epsilon)
            runtime.run(bias == nil ? .rmsNorm(norm) : .layerNorm(norm))
        }
        forward(into: y)

        let isTrained = weight.isTrained || bias?.isTrained == true
        func backward(_ dy: Tensor, dx: Tensor?, addend: Tensor? = nil) {
            let gradient = NormBackward(
                x: flat.view, weight: weight.compute.view, inverse: inverse.view, mean: mean?.view,
                dy: dy.reshaped(to: [rows, width]).view, dx: dx?.view,
                addend: addend?.reshaped(to: [rows, width]).view, dweight: weight.gradient?.view,
                dbias: bias?.gradient?.view)
            runtime.run(bias == nil ? .rmsNormBackward(gradient) : .layerNormBackward(gradient))
        }
        // One pass makes all gradients, so those of the weights are by themselves only where x has none.
        let isSource = x.slot == nil
        let results = record(
            inputs: [x], outputs: [y, flat],
            weightGradients: !isTrained || !isSource ? nil : { gradients in
                if let dy = gradients[0] { backward(dy, dx: nil) }
            },
            remaking: {
                let again = runtime.empty([rows, width], flat.dtype)
                forward(into: again)
                return [again, flat]
            }
        ) { gradients, _ in
            guard let dy = gradients[0] else { return [gradients[1]] }
            let dx = runtime.empty([rows, width], dy.dtype)
            backward(dy, dx: dx, addend: gradients[1])
            return [dx.reshaped(to: shape)]
        }
        return (results[0].reshaped(to: shape), results[1].reshaped(to: shape))
    }
}
