// N tokens, k experts of a token, A = N k rows

/// Which experts each token goes to, and where its rows lie when all are sorted by expert.
///
/// Nothing here has a gradient: it flows through the values that are moved and the weights that they are summed with.
public struct TokenRoutes {
    /// [N, k] int32: the experts of each token, the likeliest first.
    public let choices: Tensor
    /// [N, k] int32: the row of each choice.
    public let places: Tensor
    /// [A] int32: the token of each row.
    public let tokens: Tensor
    /// [A] int32, ascending: the expert of each row.
    public let experts: Tensor

    /// - Parameters:
    ///   - choices: [N, k] int32, each in 0..<expertCount; those of one token differ.
    ///   - expertCount: how many there are to choose from.
    public init(_ choices: Tensor, expertCount: Int) {
        let runtime = choices.runtime
        self.choices = choices
        places = runtime.empty(choices.shape, .int32)
        tokens = runtime.empty([choices.elementCount], .int32)
        experts = runtime.empty([choices.elementCount], .int32)
        runtime.run(
            .groupRows(
                RowGrouping(
                    choices: choices.view, groupCount: expertCount, places: places.view, tokens: tokens.view,
                    groups: experts.view)))
    }

    /// That of the graph; gradients may come with another, which knows nothing of what this one has yet to compute.
    private var runtime: Runtime { choices.runtime }
    /// N
    var tokenCount: Int { choices.shape[0] }
    /// k
    var expertsPerToken: Int { choices.shape[1] }

    /// The rows [A, C] of each token's choices, [N, k, C].
    func byToken(_ rows: Tensor) -> Tensor {
        let width = rows.shape[1]
        let gathered = runtime.empty([choices.elementCount, width], rows.dtype)
        let places = places.view.reshaped(to: [choices.elementCount])
        runtime.run(.gather(table: rows.view, indices: places, output: gathered.view))
        return gathered.reshaped(to: choices.shape + [width])
    }

    /// The row of its token for each row: x [N, C]; result [A, C].
    func byRow(_ x: Tensor) -> Tensor {
        let rows = runtime.empty([choices.elementCount, x.shape[1]], x.dtype)
        runtime.run(.gather(table: x.view, indices: tokens.view, output: rows.view))
        return rows
    }

    /// [N, k], a number for each choice, by row: [A, 1].
    func byRow(choices numbers: Tensor) -> Tensor {
        let count = choices.elementCount
        let rows = runtime.empty([count, 1], numbers.dtype)
        runtime.run(
            .scatter(
                source: numbers.contiguous().reshaped(to: [count, 1]).view,
                indices: places.view.reshaped(to: [count]), table: rows.view))
        return rows
    }
}
