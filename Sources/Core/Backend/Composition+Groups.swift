// N tokens, k choices of a token, A rows, K inputs, N outputs

extension Composition {
    /// A choice's row is the number of choices that come before it: those of lower groups, and earlier ones of its own.
    func groupRows(_ grouping: RowGrouping) {
        let (tokens, each) = (grouping.choices.shape[0], grouping.choices.shape[1])
        let count = tokens * each
        if count == 0 { return }
        let choices = grouping.choices.reshaped(to: [1, count])
        let numbers = runtime.empty([1, count], .int32)
        let column = Program(inputs: 0, scalars: 1) { _, s in [s[0].column] }
        runtime.run(.map(column, inputs: [], outputs: [numbers.view], scalars: [0]))
        let rank = Program(inputs: 3) { x, _ in
            let (other, own, number) = (x[0], x[1], x[2])
            let isEarlier = select(other == own, other.column < number, other < own)
            return [isEarlier.rowSum]
        }
        let own = grouping.choices.reshaped(to: [count, 1])
        runtime.run(
            .map(
                rank,
                inputs: [choices.broadcast(to: [count, count]), own, numbers.view.reshaped(to: [count, 1])],
                outputs: [grouping.places.reshaped(to: [count, 1])], scalars: []))
        let token = runtime.empty([tokens, each], .int32)
        let first = numbers.view.sliced(dim: 1, 0..<tokens).reshaped(to: [tokens, 1])
        runtime.run(.copy(from: first.broadcast(to: token.shape), to: token.view))
        let places = grouping.places.reshaped(to: [count])
        for (source, table) in [(token.view, grouping.tokens), (grouping.choices, grouping.groups)] {
            runtime.run(
                .scatter(
                    source: source.reshaped(to: [count, 1]), indices: places, table: table.reshaped(to: [count, 1])))
        }
    }

    /// Every matrix is multiplied with all rows, and each row keeps the product with its own.
    func groupedMatmul(_ product: GroupedMatmul) {
        runtime.run(.fill(product.c, value: 0))
        let all = runtime.empty(product.c.shape, product.c.dtype)
        let keep = Program(inputs: 3, scalars: 1) { x, s in [select(x[0] == s[0], x[1], x[2])] }
        for (group, matrix) in product.b.enumerated() {
            runtime.run(.matmul(Matmul(product.a, matrix, into: all.view)))
            runtime.run(
                .map(
                    keep, inputs: [column(product.groups), all.view, product.c], outputs: [product.c],
                    scalars: [Double(group)]))
        }
    }

    func groupedOuterProduct(_ product: GroupedOuterProduct) {
        let own = runtime.empty(product.a.shape, product.a.dtype)
        let keep = Program(inputs: 2, scalars: 1) { x, s in [select(x[0] == s[0], x[1], x[1].constant(0))] }
        for (group, matrix) in product.c.enumerated() {
            guard let matrix else { continue }
            runtime.run(
                .map(keep, inputs: [column(product.groups), product.a], outputs: [own.view], scalars: [Double(group)]))
            runtime.run(.matmul(Matmul(own.view.transposed(0, 1), product.b, into: matrix, beta: 1)))
        }
    }
}
