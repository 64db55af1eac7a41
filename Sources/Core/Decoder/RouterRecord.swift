// N tokens, L layers with experts, E experts, k experts of a token

/// Collects what the routers of a forward pass decided, of which their losses are made.
///
/// A block that is recomputed in backward hands its sums out as results of its own, and a pipeline stage sends them on
/// with the residual stream: sums of all layers are what the losses read.
public final class RouterRecord {
    /// Of the layers so far; nil before the first.
    public private(set) var sums: RouterSums?

    public init() {}

    /// Adds the decisions of one layer.
    func add(_ graph: Graph, _ routing: ExpertRouting, _ context: DecoderContext) {
        let sums = RouterSums(graph, routing, counted: context.counted)
        // Ranks that divide the layer all decide the same.
        let exchange = context.exchange
        add(
            graph,
            RouterSums(
                probabilities: exchange.once(graph, sums.probabilities), counts: sums.counts,
                squares: exchange.once(graph, sums.squares), rowCount: context.tokenCount))
    }

    /// Adds sums of other layers over the same experts.
    public func add(_ graph: Graph, _ more: RouterSums) { sums = sums.map { $0.adding(more, graph) } ?? more }
}

/// Sums over the tokens of one or several layers.
public struct RouterSums {
    /// [1, E]: each expert's probability, float32 or wider.
    public let probabilities: Tensor
    /// [1, E]: how many tokens each expert has; without gradient.
    public let counts: Tensor
    /// [1, 1]: squares of the logarithms of the sums of exponentials of logits.
    public let squares: Tensor
    /// N L, of all ranks that have parts of the rows
    public let rowCount: Int

    public init(probabilities: Tensor, counts: Tensor, squares: Tensor, rowCount: Int) {
        self.probabilities = probabilities
        self.counts = counts
        self.squares = squares
        self.rowCount = rowCount
    }

    /// Of `tensors`, in their order; nil of none.
    init?(_ tensors: [Tensor], rowCount: Int) {
        guard tensors.count == 3 else { return nil }
        self.init(probabilities: tensors[0], counts: tensors[1], squares: tensors[2], rowCount: rowCount)
    }

    var tensors: [Tensor] { [probabilities, counts, squares] }

    /// - Parameter counted: N numbers, 0 for tokens that do not count, else 1; nil = all count.
    package init(_ graph: Graph, _ routing: ExpertRouting, counted: Tensor? = nil) {
        let runtime = graph.runtime
        let (choices, probabilities) = (routing.routes.choices, routing.probabilities)
        counts = runtime.zeros([1, probabilities.shape[1]], probabilities.dtype)
        let weights = counted.map { $0.detached.reshaped(to: [choices.shape[0], 1]) }
            ?? runtime.full([1, 1], probabilities.dtype, 1)
        let sources = runtime.empty(choices.shape, probabilities.dtype)
        runtime.run(.copy(from: weights.view.broadcast(to: choices.shape), to: sources.view))
        runtime.run(
            .scatterAdd(
                source: sources.view.reshaped(to: [choices.elementCount, 1]),
                indices: choices.view.reshaped(to: [choices.elementCount]),
                table: counts.view.reshaped(to: [probabilities.shape[1], 1])))
        func weighed(_ x: Tensor) -> Tensor {
            counted == nil ? x : graph.map(Program(inputs: 2) { x, _ in [x[0] * x[1]] }, [x, weights])[0]
        }
        self.probabilities = graph.total(weighed(probabilities))
        let square = Program(inputs: 1) { x, _ in
            let sum = (x[0] - x[0].rowMax).exp.rowSum.log + x[0].rowMax
            return [sum * sum]
        }
        squares = graph.total(
            weighed(graph.map(square, [routing.logits], rowOutputs: [0], dtype: probabilities.dtype)[0]))
        rowCount = routing.logits.shape[0]
    }

    /// The sums of all ranks, each of which has other tokens and goes on with the same work.
    package func summed(_ graph: Graph, over communicator: Communicator) -> RouterSums {
        func sum(_ x: Tensor) -> Tensor { graph.summed(x, over: communicator) }
        return RouterSums(
            probabilities: sum(probabilities), counts: sum(counts), squares: sum(squares), rowCount: rowCount)
    }

    /// The sums of the layers of both.
    func adding(_ other: RouterSums, _ graph: Graph) -> RouterSums {
        RouterSums(
            probabilities: graph.add(probabilities, other.probabilities), counts: graph.add(counts, other.counts),
            squares: graph.add(squares, other.squares), rowCount: rowCount + other.rowCount)
    }

    /// N L times the balancing loss E sum over e of f_e P_e, [1, 1], where f_e is the mean number of choices of expert
    /// e by a token and P_e its mean probability, both over all tokens of all layers: k when all experts are chosen
    /// alike.
    ///
    /// Fedus et al. 2021, arXiv 2101.03961, eq. 4 to 6, over all layers at once as in transformers.
    public func balance(_ graph: Graph) -> Tensor {
        let scale = Double(probabilities.shape[1]) / Double(max(rowCount, 1))
        let program = Program(inputs: 2, scalars: 1) { x, s in [(x[0] * x[1]).rowSum * s[0]] }
        return graph.map(program, [probabilities, counts], scalars: [scale], rowOutputs: [0])[0]
    }
}
