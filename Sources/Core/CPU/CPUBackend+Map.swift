import CKernels

extension CPUBackend {
    /// Elements of a tile, halved for many registers: they and the views' next pieces share the first-level cache.
    private static let tileSize = 1024

    func map(_ program: Program, _ inputs: [BufferView], _ outputs: [BufferView], _ scalars: [Double]) {
        precondition(
            inputs.count == program.inputCount && outputs.count == program.outputs.count
                && scalars.count == program.scalarCount,
            "map: a program of \(program.inputCount) inputs, \(program.outputs.count) outputs and "
                + "\(program.scalarCount) scalars was given \(inputs.count), \(outputs.count) and \(scalars.count)")
        let views = inputs + outputs
        guard let first = outputs.first else { return }
        if first.dimCount == 0 {
            func row(_ view: BufferView) -> BufferView {
                BufferView(buffer: view.buffer, offset: view.offset, shape: [1], dtype: view.dtype)
            }
            return map(program, inputs.map(row), outputs.map(row), scalars)
        }
        let leading = first.shape.dropLast()
        let rowLength = views.lazy.map { $0.shape[$0.dimCount - 1] }.first { $0 != 1 } ?? 1
        precondition(
            views.allSatisfy { $0.shape.dropLast() == leading && [1, rowLength].contains($0.shape[$0.dimCount - 1]) },
            "map: views of shapes \(views.map(\.shape)) do not share their leading dims and row length")
        let hasRowOutput = rowLength != 1 && outputs.contains { $0.shape[$0.dimCount - 1] == 1 }
        let keepsRows = program.isRowProgram || hasRowOutput
        var domain = StridedDomain(
            leading + [rowLength],
            views.map { view in
                view.shape[view.dimCount - 1] == rowLength ? view.strides : view.strides.dropLast() + [0]
            }, keepsLast: keepsRows)
        let (columns, columnStrides) = domain.removeLast()
        let rows = domain.elementCount
        if rows == 0 || (columns == 0 && !hasRowOutput) { return }
        precondition(domain.dimCount <= Int(CK_MAX_DIMS), "map: \(domain.dimCount) dims are left, at most 8 can be run")

        let kinds: [CompiledProgram.Kind] = inputs.indices.map { k in
            if domain.strides[k].allSatisfy({ $0 == 0 }) && (columnStrides[k] == 0 || columns == 1) {
                return .uniform
            }
            return columnStrides[k] == 0 && columns > 1 ? .row : .full
        }
        let key = CompiledProgram.Key(program: program, inputs: kinds)
        let code = compiled[key] ?? CompiledProgram(key)
        compiled[key] = code
        let uniforms = code.uniforms(scalars: scalars, columns: columns) { inputs[$0].firstElement() }

        func isDense(_ k: Int) -> Bool { views[k].dtype == .float32 && columnStrides[k] == 1 }
        func isDirect(_ input: Int) -> Bool { isDense(input) && kinds[input] == .full && !code.isOutput(input: input) }
        let copiedCount = Int(code.fullCount) - inputs.indices.count(where: isDirect)
        let tileSize = copiedCount > 5 ? CPUBackend.tileSize / 2 : CPUBackend.tileSize
        let tileColumns = keepsRows ? columns : min(columns, tileSize)
        let tileRows = max(1, min(rows, tileSize / max(tileColumns, 1)))
        let tile = MapTile(domain, columns, tileRows, tileColumns)
        func describe(_ k: Int, _ value: ck_value, direct: Int32) -> ck_map_view {
            let view = views[k]
            var described = ck_map_view()
            described.base = view.address.assumingMemoryBound(to: CChar.self)
            described.type = view.dtype.code
            described.value = value
            described.direct = direct
            described.column_stride = Int64(columnStrides[k])
            withUnsafeMutableBytes(of: &described.strides) { bytes in
                for (dim, stride) in domain.strides[k].enumerated() {
                    bytes.storeBytes(of: Int64(stride), toByteOffset: dim * 8, as: Int64.self)
                }
            }
            return described
        }
        func directness(_ k: Int) -> Int32 {
            domain.dimCount == 0 || (domain.dimCount == 1 && domain.strides[k][0] == columns) ? 2 : 1
        }
        let described: [ck_map_view] = inputs.indices.compactMap { k in
            guard let register = code.register(ofInput: k) else { return nil }
            return describe(k, register, direct: isDirect(k) ? directness(k) : 0)
        }
        func isFull(_ output: Int) -> Bool { outputs[output].shape[outputs[output].dimCount - 1] == rowLength }
        let results: [ck_map_view] = outputs.indices.map { k in
            describe(
                inputs.count + k, code.values[program.outputs[k]], direct: isFull(k) ? directness(inputs.count + k) : 0)
        }
        let instructions = code.instructions { output, writer in
            isFull(output) && isDense(inputs.count + output)
                && inputs.indices.allSatisfy {
                    code.lastReaders[$0] <= writer || inputs[$0].buffer !== outputs[output].buffer
                }
        }
        run(code, instructions, described, results, uniforms, tile)
    }

    private func run(
        _ code: CompiledProgram, _ instructions: [ck_instruction], _ inputs: [ck_map_view], _ outputs: [ck_map_view],
        _ uniforms: [Float], _ tile: MapTile
    ) {
        let fullSize = (tile.tileRows * tile.tileColumns + 15) / 16 * 16
        let rowSize = (tile.tileRows + 15) / 16 * 16
        let perWorker = Int(code.fullCount) * fullSize + Int(code.rowCount) * rowSize + 16
        var map = ck_map()
        map.instruction_count = Int32(instructions.count)
        map.input_count = Int32(inputs.count)
        map.output_count = Int32(outputs.count)
        map.full_count = code.fullCount
        map.row_count = code.rowCount
        map.dims = Int32(tile.domain.dimCount)
        map.columns = Int64(tile.columns)
        map.full_size = Int64(fullSize)
        map.row_size = Int64(rowSize)
        withUnsafeMutableBytes(of: &map.shape) { bytes in
            for (dim, size) in tile.domain.shape.enumerated() {
                bytes.storeBytes(of: Int64(size), toByteOffset: dim * 8, as: Int64.self)
            }
        }
        let work = tile.rows * tile.columns * max(instructions.count, 1)
        instructions.withUnsafeBufferPointer { instructions in
            inputs.withUnsafeBufferPointer { inputs in
                outputs.withUnsafeBufferPointer { outputs in
                    uniforms.withUnsafeBufferPointer { uniforms in
                        map.instructions = instructions.baseAddress
                        map.inputs = inputs.baseAddress
                        map.outputs = outputs.baseAddress
                        map.uniforms = uniforms.baseAddress
                        scratch(perWorker * pool.threadCount, of: Float.self) { scratch in
                            withUnsafePointer(to: map) { map in
                                pool.parallelRanges(tile.count, grain: work < 1 << 16 ? .max : 1) { range, worker in
                                    for index in range {
                                        let (row, rows, column, columns) = tile[index]
                                        ck_map_tile(map, row, rows, column, columns, scratch + worker * perWorker)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How a domain of rows is cut into tiles.
private struct MapTile {
    let domain: StridedDomain
    let columns: Int
    let tileRows: Int
    let tileColumns: Int
    let rows: Int

    init(_ domain: StridedDomain, _ columns: Int, _ tileRows: Int, _ tileColumns: Int) {
        (self.domain, self.columns, self.tileRows, self.tileColumns) = (domain, columns, tileRows, tileColumns)
        rows = domain.elementCount
    }

    private var columnTiles: Int { max(1, (columns + tileColumns - 1) / max(tileColumns, 1)) }
    var count: Int { (rows + tileRows - 1) / tileRows * columnTiles }

    subscript(index: Int) -> (row: Int64, rows: Int64, column: Int64, columns: Int64) {
        let (row, column) = (index / columnTiles * tileRows, index % columnTiles * tileColumns)
        return (
            Int64(row), Int64(min(tileRows, rows - row)), Int64(column), Int64(min(tileColumns, columns - column))
        )
    }
}

extension BufferView {
    /// The first element as a number.
    fileprivate func firstElement() -> Double {
        var value = 0.0
        ck_copy(&value, Int32(CK_FLOAT64), 0, 0, address, dtype.code, 0, 0, 1, 1)
        return value
    }
}
