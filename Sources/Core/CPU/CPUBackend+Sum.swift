import CKernels

extension CPUBackend {
    /// Rows, or pieces of a long row, that are one piece of work; fixed so that results do not depend on threads.
    private static let rowBlock = 512
    private static let columnBlock = 1024
    private static let elementBlock = 1 << 15

    func sum(_ source: BufferView, into destination: BufferView, accumulate: Bool) {
        precondition(
            source.dimCount == destination.dimCount
                && zip(source.shape, destination.shape).allSatisfy { $0 == $1 || $1 == 1 },
            "sum: \(source.shape) cannot be summed into \(destination.shape)")
        if destination.elementCount == 0 { return }
        if source.elementCount == 0 {
            if !accumulate { fill(destination, 0) }
            return
        }
        let dims = source.shape.indices
        let isReduced = dims.map { destination.shape[$0] != source.shape[$0] }
        var domain = StridedDomain(
            source.shape, [source.strides, dims.map { isReduced[$0] ? 0 : destination.strides[$0] }])
        // The dim with the smallest stride is walked innermost.
        let inner = domain.shape.indices.min { abs(domain.strides[0][$0]) < abs(domain.strides[0][$1]) }
        guard let inner else { return sumRows(source, destination, domain, (1, 0), accumulate) }
        let (size, strides) = domain.remove(dim: inner)
        if strides[1] == 0 {
            sumRows(source, destination, domain, (size, strides[0]), accumulate)
        } else {
            sumColumns(source, destination, domain, (size, strides[0], strides[1]), accumulate)
        }
    }

    /// The dims that stay (with strides in source and destination) and those that are summed over.
    private func split(_ domain: StridedDomain) -> (kept: StridedDomain, reduced: StridedDomain) {
        let kept = domain.shape.indices.filter { domain.strides[1][$0] != 0 }
        let reduced = domain.shape.indices.filter { domain.strides[1][$0] == 0 }
        func part(_ dims: [Int]) -> StridedDomain {
            StridedDomain(dims.map { domain.shape[$0] }, domain.strides.map { view in dims.map { view[$0] } })
        }
        return (part(kept), part(reduced))
    }

    /// The innermost dim is summed over.
    private func sumRows(
        _ source: BufferView, _ destination: BufferView, _ domain: StridedDomain, _ row: (size: Int, stride: Int),
        _ accumulate: Bool
    ) {
        let (kept, reduced) = split(domain)
        let (keptCount, reducedCount) = (kept.elementCount, reduced.elementCount)
        // Few long sums are cut into pieces that are added up in order.
        let rowPieces = keptCount < 64 ? (row.size + CPUBackend.elementBlock - 1) / CPUBackend.elementBlock : 1
        let reducedPieces = keptCount < 64 ? min(reducedCount, 64) : 1
        let pieces = rowPieces * reducedPieces
        let grain = max(1, CPUBackend.elementBlock / max(1, row.size * reducedCount / pieces))
        scratch(keptCount * pieces, of: Double.self) { partial in
            pool.parallelRanges(keptCount * pieces, grain: grain) { range, _ in
                for item in range {
                    let (index, piece) = (item / pieces, item % pieces)
                    let (rowPiece, reducedPiece) = (piece % rowPieces, piece / rowPieces)
                    let first = rowPieces == 1 ? 0 : rowPiece * CPUBackend.elementBlock
                    let count = rowPieces == 1 ? row.size : min(CPUBackend.elementBlock, row.size - first)
                    let start = kept.offset(index, view: 0) + first * row.stride
                    var total = 0.0
                    let reducedRange =
                        reducedCount * reducedPiece / reducedPieces..<reducedCount * (reducedPiece + 1) / reducedPieces
                    for outer in reducedRange {
                        let offset = start + reduced.offset(outer, view: 0)
                        total += ck_sum_row(
                            source.address(plus: offset), source.dtype.code, Int64(row.stride), Int64(count))
                    }
                    partial[item] = total
                }
            }
            for index in 0..<keptCount {
                var total = 0.0
                for piece in 0..<pieces { total += partial[index * pieces + piece] }
                ck_store_sums(
                    destination.address(plus: kept.offset(index, view: 1)), destination.dtype.code, 1, &total, 1,
                    accumulate ? 1 : 0)
            }
        }
    }

    /// The innermost dim stays: whole rows are added to a row of sums.
    private func sumColumns(
        _ source: BufferView, _ destination: BufferView, _ domain: StridedDomain,
        _ row: (size: Int, from: Int, to: Int), _ accumulate: Bool
    ) {
        var (kept, reduced) = split(domain)
        let (rows, rowStrides) = reduced.removeLast()
        let (keptCount, reducedCount) = (kept.elementCount, reduced.elementCount)
        let columnPieces = (row.size + CPUBackend.columnBlock - 1) / CPUBackend.columnBlock
        let rowPieces = keptCount * columnPieces >= 8 ? 1 : (rows + CPUBackend.rowBlock - 1) / CPUBackend.rowBlock
        let pieces = columnPieces * rowPieces
        let elementCount = keptCount * reducedCount * rows * row.size
        scratch(keptCount * rowPieces * row.size, of: Double.self) { partial in
            pool.parallelRanges(keptCount * pieces, grain: elementCount < 1 << 15 ? .max : 1) { range, _ in
                for item in range {
                    let (index, rowPiece, columnPiece) = (
                        item / pieces, item / columnPieces % rowPieces, item % columnPieces
                    )
                    let column = columnPiece * CPUBackend.columnBlock
                    let columns = min(CPUBackend.columnBlock, row.size - column)
                    let first = rowPieces == 1 ? 0 : rowPiece * CPUBackend.rowBlock
                    let count = rowPieces == 1 ? rows : min(CPUBackend.rowBlock, rows - first)
                    let sums = partial + (index * rowPieces + rowPiece) * row.size + column
                    sums.update(repeating: 0, count: columns)
                    let start = kept.offset(index, view: 0) + first * rowStrides[0] + column * row.from
                    for outer in 0..<reducedCount {
                        let offset = start + reduced.offset(outer, view: 0)
                        ck_sum_columns(
                            source.address(plus: offset), source.dtype.code, Int64(rowStrides[0]), Int64(row.from),
                            Int64(count), Int64(columns), sums)
                    }
                }
            }
            pool.parallelRanges(keptCount, grain: (1 << 14) / max(row.size, 1)) { range, _ in
                for index in range {
                    let sums = partial + index * rowPieces * row.size
                    for piece in 1..<max(rowPieces, 1) {
                        for column in 0..<row.size { sums[column] += sums[piece * row.size + column] }
                    }
                    ck_store_sums(
                        destination.address(plus: kept.offset(index, view: 1)), destination.dtype.code, Int64(row.to),
                        sums, Int64(row.size), accumulate ? 1 : 0)
                }
            }
        }
    }
}
