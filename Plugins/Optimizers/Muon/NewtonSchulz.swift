// M smaller, N larger dim of a matrix

internal import Core

/// Drives a matrix's singular values towards 1 by the quintic iteration X <- aX + (bA + cA^2) X, A = X X^T, with
/// Jordan's coefficients, in the matrix's own element type (float32 where PyTorch rounds to bfloat16).
///
/// 4 M^2 N + 2 M^3 FLOPs an iteration; no value is read back to the host.
struct NewtonSchulz {
    let iterations: Int

    /// Coefficients that lift small singular values fastest.
    private var a: Double { 3.4445 }
    private var b: Double { -4.7750 }
    private var c: Double { 2.0315 }

    func callAsFunction(_ matrix: Tensor) -> Tensor {
        let runtime = matrix.runtime
        let isTall = matrix.shape[0] > matrix.shape[1]
        let source = isTall ? matrix.view.transposed(0, 1) : matrix.view
        var x = normalized(Tensor(source, runtime).contiguous())
        let small = [x.shape[0], x.shape[0]]
        let gram = runtime.empty(small, x.dtype)
        let polynomial = runtime.empty(small, x.dtype)
        for _ in 0..<iterations {
            runtime.run(.matmul(Matmul(x.view, x.view.transposed(0, 1), into: gram.view)))
            runtime.run(.copy(from: gram.view, to: polynomial.view))
            runtime.run(.matmul(Matmul(gram.view, gram.view, into: polynomial.view, alpha: c, beta: b)))
            let next = runtime.empty(x.shape, x.dtype)
            runtime.run(.copy(from: x.view, to: next.view))
            runtime.run(.matmul(Matmul(polynomial.view, x.view, into: next.view, beta: a)))
            x = next
        }
        return isTall ? Tensor(x.view.transposed(0, 1), runtime).contiguous() : x
    }

    /// X / (|X| + 1e-7), so that no singular value is above 1.
    private func normalized(_ x: Tensor) -> Tensor {
        let runtime = x.runtime
        let rowSums = runtime.empty([x.shape[0], 1], x.dtype)
        let squares = Program(inputs: 1) { x, _ in [(x[0] * x[0]).rowSum] }
        runtime.run(.map(squares, inputs: [x.view], outputs: [rowSums.view], scalars: []))
        let total = runtime.empty([1, 1], x.dtype)
        runtime.run(.sum(rowSums.view, into: total.view, accumulate: false))
        let result = runtime.empty(x.shape, x.dtype)
        let divide = Program(inputs: 2) { x, _ in [x[0] / (x[1].squareRoot + 1e-7)] }
        runtime.run(
            .map(divide, inputs: [x.view, total.view.broadcast(to: x.shape)], outputs: [result.view], scalars: []))
        return result
    }
}
