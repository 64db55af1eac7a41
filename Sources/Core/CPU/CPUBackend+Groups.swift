// A rows, k choices of a token

extension CPUBackend {
    func supports(_ grouping: RowGrouping) -> Bool {
        [grouping.choices, grouping.places, grouping.tokens, grouping.groups].allSatisfy {
            $0.dtype == .int32 && $0.isContiguous
        }
    }

    func supports(_ product: GroupedMatmul) -> Bool {
        product.groups.dtype == .int32 && ([product.a, product.c] + product.b).allSatisfy { $0.dtype.isSingle }
    }

    func supports(_ product: GroupedOuterProduct) -> Bool {
        product.groups.dtype == .int32
            && ([product.a, product.b] + product.c.compactMap { $0 }).allSatisfy { $0.dtype.isSingle }
    }

    /// A counting sort, on one thread: it is a few integers a row beside the products of whole rows.
    func groupRows(_ grouping: RowGrouping) {
        let each = grouping.choices.shape[1]
        func integers(_ view: BufferView) -> UnsafeMutablePointer<Int32> {
            view.address.assumingMemoryBound(to: Int32.self)
        }
        let (choices, places) = (integers(grouping.choices), integers(grouping.places))
        let (tokens, groups) = (integers(grouping.tokens), integers(grouping.groups))
        let count = grouping.choices.elementCount
        pool.parallel(min(count, 1)) { _, _ in
            var next = [Int](repeating: 0, count: grouping.groupCount + 1)
            for choice in 0..<count {
                let group = Int(choices[choice])
                precondition(
                    group >= 0 && group < grouping.groupCount,
                    "group rows: choice \(choice) is \(group), outside \(grouping.groupCount) groups")
                next[group + 1] += 1
            }
            for group in 0..<grouping.groupCount { next[group + 1] += next[group] }
            for choice in 0..<count {
                let group = Int(choices[choice])
                let row = next[group]
                next[group] += 1
                places[choice] = Int32(row)
                tokens[row] = Int32(choice / each)
                groups[row] = Int32(group)
            }
        }
    }

    func groupedMatmul(_ product: GroupedMatmul) {
        for (rows, group) in runs(product.groups, count: product.b.count) {
            matmul(
                Matmul(
                    product.a.sliced(dim: 0, rows), product.b[group], into: product.c.sliced(dim: 0, rows)))
        }
    }

    func groupedOuterProduct(_ product: GroupedOuterProduct) {
        for (rows, group) in runs(product.groups, count: product.c.count) {
            guard let c = product.c[group] else { continue }
            let (a, b) = (product.a.sliced(dim: 0, rows), product.b.sliced(dim: 0, rows))
            matmul(Matmul(a.transposed(0, 1), b, into: c, beta: 1))
        }
    }

    /// Rows of one group that follow each other.
    private func runs(_ groups: BufferView, count: Int) -> [(rows: Range<Int>, group: Int)] {
        func group(_ row: Int) -> Int {
            Int(groups.address(plus: row * groups.strides[0]).load(as: Int32.self))
        }
        var runs: [(rows: Range<Int>, group: Int)] = []
        var start = 0
        for row in 0..<groups.elementCount where row + 1 == groups.elementCount || group(row + 1) != group(row) {
            precondition(
                group(row) >= 0 && group(row) < count,
                "grouped product: row \(row) is of group \(group(row)), outside \(count) groups")
            runs.append((start..<row + 1, group(row)))
            start = row + 1
        }
        return runs
    }
}
