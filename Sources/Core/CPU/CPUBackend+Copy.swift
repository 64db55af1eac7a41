// V table rows, N gathered rows, C columns

import CKernels
import Random

extension CPUBackend {
    func fill(_ view: BufferView, _ value: Double) {
        var domain = StridedDomain(view.shape, [view.strides])
        let (columns, strides) = domain.removeLast()
        let outer = domain
        if outer.shape.isEmpty {
            pool.parallelRanges(columns, grain: 1 << 16) { range, _ in
                ck_fill(
                    view.address(plus: range.lowerBound * strides[0]), view.dtype.code, Int64(strides[0]),
                    Int64(range.count), value)
            }
            return
        }
        pool.parallelRanges(outer.elementCount, grain: (1 << 16) / max(columns, 1)) { range, _ in
            for row in range {
                ck_fill(
                    view.address(plus: outer.offset(row, view: 0)), view.dtype.code, Int64(strides[0]), Int64(columns),
                    value)
            }
        }
    }

    func copy(from source: BufferView, to destination: BufferView) {
        precondition(
            source.shape == destination.shape, "copy: shapes \(source.shape) and \(destination.shape) differ")
        // Walked in the destination's order, so that writes are dense where they can be.
        let order = destination.shape.indices.sorted { abs(destination.strides[$0]) > abs(destination.strides[$1]) }
        var domain = StridedDomain(
            order.map { destination.shape[$0] },
            [order.map { destination.strides[$0] }, order.map { source.strides[$0] }])
        if domain.shape.contains(0) { return }
        let (columns, columnStrides) = domain.removeLast()
        // A transposition is blocked over the dim that is dense in the source.
        let transposed = columnStrides[1] == 1 ? nil : domain.strides[1].firstIndex(of: 1)
        let (rows, rowStrides) = transposed.map { domain.remove(dim: $0) } ?? domain.removeLast()
        let outer = domain
        let (outerCount, elementCount) = (outer.elementCount, outer.elementCount * rows * columns)
        let pieces = elementCount < 1 << 16 ? 1 : pool.threadCount * 4
        let rowPieces = max(1, min(rows, (pieces + outerCount - 1) / outerCount))
        let columnPieces = rows == 1 ? max(1, min(columns, (pieces + outerCount - 1) / outerCount)) : 1
        pool.parallelRanges(outerCount * rowPieces * columnPieces, grain: pieces == 1 ? .max : 1) { range, _ in
            for item in range {
                let index = item / (rowPieces * columnPieces)
                let (rowPiece, columnPiece) = (item / columnPieces % rowPieces, item % columnPieces)
                let (row, rowEnd) = (rows * rowPiece / rowPieces, rows * (rowPiece + 1) / rowPieces)
                let (column, columnEnd) = (
                    columns * columnPiece / columnPieces, columns * (columnPiece + 1) / columnPieces
                )
                let to = outer.offset(index, view: 0) + row * rowStrides[0] + column * columnStrides[0]
                let from = outer.offset(index, view: 1) + row * rowStrides[1] + column * columnStrides[1]
                ck_copy(
                    destination.address(plus: to), destination.dtype.code, Int64(rowStrides[0]),
                    Int64(columnStrides[0]), source.address(plus: from), source.dtype.code, Int64(rowStrides[1]),
                    Int64(columnStrides[1]), Int64(rowEnd - row), Int64(columnEnd - column))
            }
        }
    }

    func gather(_ table: BufferView, _ indices: BufferView, _ output: BufferView) {
        let (count, columns) = checkRows("gather", table, indices, output)
        pool.parallelRanges(count, grain: (1 << 15) / max(columns, 1)) { range, _ in
            for n in range {
                let row = CPUBackend.index(indices, n)
                precondition(row < table.shape[0], "gather: index \(row) at \(n) is outside \(table.shape[0]) rows")
                let target = output.address(plus: n * output.strides[0])
                if row < 0 {
                    var zero = 0.0
                    ck_copy(
                        target, output.dtype.code, 0, Int64(output.strides[1]), &zero, DType.float64.code, 0, 0, 1,
                        Int64(columns))
                } else {
                    ck_copy(
                        target, output.dtype.code, 0, Int64(output.strides[1]),
                        table.address(plus: row * table.strides[0]), table.dtype.code, 0, Int64(table.strides[1]), 1,
                        Int64(columns))
                }
            }
        }
    }

    /// Every thread adds all rows to columns of its own, so the order of additions is that of n.
    func scatterAdd(_ source: BufferView, _ indices: BufferView, _ table: BufferView) {
        let (count, columns) = checkRows("scatterAdd", table, indices, source)
        precondition(table.strides[1] == 1 || columns <= 1, "scatterAdd: the table's rows are not dense")
        let pieces = count * columns < 1 << 15 ? 1 : max(1, min(pool.threadCount, columns / 16))
        pool.parallel(pieces) { piece, _ in
            let (first, end) = (columns * piece / pieces, columns * (piece + 1) / pieces)
            for n in 0..<count {
                let row = CPUBackend.index(indices, n)
                if row < 0 { continue }
                precondition(row < table.shape[0], "scatterAdd: index \(row) at \(n) is outside \(table.shape[0]) rows")
                ck_add_row(
                    table.address(plus: row * table.strides[0] + first), table.dtype.code,
                    source.address(plus: n * source.strides[0] + first * source.strides[1]), source.dtype.code,
                    Int64(source.strides[1]), Int64(end - first))
            }
        }
    }

    func scatter(_ source: BufferView, _ indices: BufferView, _ table: BufferView) {
        let (count, columns) = checkRows("scatter", table, indices, source)
        pool.parallelRanges(count, grain: (1 << 14) / max(columns, 1)) { range, _ in
            for n in range {
                let row = CPUBackend.index(indices, n)
                if row < 0 { continue }
                precondition(row < table.shape[0], "scatter: index \(row) at \(n) is outside \(table.shape[0]) rows")
                ck_copy(
                    table.address(plus: row * table.strides[0]), table.dtype.code, 0, Int64(table.strides[1]),
                    source.address(plus: n * source.strides[0]), source.dtype.code, 0, Int64(source.strides[1]), 1,
                    Int64(columns))
            }
        }
    }

    private static func index(_ indices: BufferView, _ n: Int) -> Int {
        Int(indices.address(plus: n * indices.strides[0]).load(as: Int32.self))
    }

    private func checkRows(
        _ name: String, _ table: BufferView, _ indices: BufferView, _ rows: BufferView
    ) -> (count: Int, columns: Int) {
        precondition(
            table.dimCount == 2 && rows.dimCount == 2 && indices.shape == [rows.shape[0]]
                && table.shape[1] == rows.shape[1],
            "\(name): table \(table.shape), indices \(indices.shape) and rows \(rows.shape) do not fit")
        return (rows.shape[0], rows.shape[1])
    }

    func random(_ source: Philox, _ first: UInt64, _ view: BufferView) {
        pool.parallelRanges(view.elementCount, grain: 1 << 13) { range, _ in
            ck_random(
                view.address(plus: range.lowerBound), view.dtype.code, source.seed, source.stream,
                first &+ UInt64(range.lowerBound), Int64(range.count))
        }
    }
}
