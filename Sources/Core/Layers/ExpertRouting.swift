// N tokens, E experts, k experts of a token

/// What a router decided for N tokens.
public struct ExpertRouting {
    /// [N, E]
    public let logits: Tensor
    /// softmax(logits), [N, E], float32 or wider
    public let probabilities: Tensor
    /// The k likeliest experts of each token; of equal ones those with the lower numbers.
    public let routes: TokenRoutes
    /// What the results of the chosen experts are weighed by, [N, k], float32 or wider.
    public let weights: Tensor

    /// - Parameter logits: [N, E]
    package init(_ graph: Graph, logits: Tensor, _ settings: DecoderConfiguration.Experts) {
        let runtime = graph.runtime
        let (tokens, count, each) = (logits.shape[0], settings.count, settings.perToken)
        // bfloat16 has too few digits for shares of 1.
        let dtype: DType = logits.dtype == .float64 ? .float64 : .float32
        self.logits = logits
        probabilities = graph.map(.softmax, [logits], dtype: dtype)[0]

        let choices = runtime.empty([tokens, each], .int32)
        runtime.run(
            .map(
                .largest(each, of: count), inputs: [probabilities.view],
                outputs: (0..<each).map { choices.view.sliced(dim: 1, $0..<$0 + 1) }, scalars: []))
        routes = TokenRoutes(choices, expertCount: count)
        let shares = graph.map(
            .element, [probabilities.reshaped(to: [tokens, 1, count]), choices.reshaped(to: [tokens, each, 1])],
            rowOutputs: [0])[0].reshaped(to: [tokens, each])
        weights = settings.normalizesWeights ? graph.map(.normalized, [shares])[0] : shares
    }
}

extension Program {
    fileprivate static let softmax = Program(inputs: 1) { x, _ in
        let exponential = (x[0] - x[0].rowMax).exp
        return [exponential / exponential.rowSum]
    }

    /// The element of the row (input 0) whose number is input 1.
    fileprivate static let element = Program(inputs: 2) { x, _ in
        [select(x[0].column == x[1], x[0], x[0].constant(0)).rowSum]
    }

    fileprivate static let normalized = Program(inputs: 1) { x, _ in [x[0] / x[0].rowSum] }

    /// The numbers of the `count` largest of a row of `length` probabilities, the largest first. A row of NaNs, which
    /// has none, gives the last number.
    fileprivate static func largest(_ count: Int, of length: Int) -> Program {
        Program(inputs: 1) { x, _ in
            var left = x[0]
            let column = left.column
            return (0..<count).map { _ in
                let candidate = select(left == left.rowMax, column, left.constant(Double(length)))
                let chosen = minimum(-(-candidate).rowMax, left.constant(Double(length - 1)))
                left = select(column == chosen, left.constant(-1), left)
                return chosen
            }
        }
    }
}
