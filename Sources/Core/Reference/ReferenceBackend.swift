internal import Random

/// Plain loops in float64: the backend that says what is right.
///
/// It supports the primitives only, so every fused operation on it is the composition of primitives; comparing a fast
/// backend with it therefore checks the fused kernels against independent code. Values are computed in float64 and
/// rounded to the element type of the view that they are stored in.
public final class ReferenceBackend: Backend {
    private var bytesInUse = 0
    private var peakBytes = 0

    public init() {}

    public var capabilities: Capabilities {
        Capabilities(
            name: "reference", fastTypes: [.float64], usesHostMemory: true, threadCount: 1,
            usedByteCount: bytesInUse, peakByteCount: peakBytes)
    }

    public func allocate(byteCount: Int) -> Buffer {
        bytesInUse += byteCount
        peakBytes = max(peakBytes, bytesInUse)
        let address = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 64), alignment: 64)
        return Buffer(address: address, byteCount: byteCount) { [weak self] address in
            self?.bytesInUse -= byteCount
            address.deallocate()
        }
    }

    public func copy(_ transfer: Transfer) { HostMemory.copy(transfer) }

    public func supports(_ operation: Operation) -> Bool { operation.isPrimitive }

    public func synchronize() {}

    public func run(_ operation: Operation) {
        switch operation {
        case .fill(let view, let value):
            let elements = ReferenceElements(view)
            for offset in elements.offsets { elements.store(value, at: offset) }
        case .copy(let source, let target):
            precondition(source.shape == target.shape, "copy: \(source.shape) into \(target.shape)")
            let (from, to) = (ReferenceElements(source), ReferenceElements(target))
            for (a, b) in zip(from.offsets, to.offsets) { to.store(from.load(a), at: b) }
        case .map(let program, let inputs, let outputs, let scalars):
            ReferenceProgram(program, inputs, outputs, scalars).run()
        case .sum(let input, let output, let accumulate):
            sum(input, into: output, accumulate: accumulate)
        case .matmul(let product): matmul(product)
        case .gather(let table, let indices, let output):
            let (from, rows, to) = (ReferenceElements(table), ReferenceElements(indices), ReferenceElements(output))
            for n in 0..<indices.elementCount {
                let row = Int(rows.load(indices.offset + n * indices.strides[0]))
                precondition(row < table.shape[0], "gather: row \(row) of a table of \(table.shape[0])")
                for c in 0..<table.shape[1] {
                    let value = row < 0 ? 0 : from.load(table.offset + row * table.strides[0] + c * table.strides[1])
                    to.store(value, at: output.offset + n * output.strides[0] + c * output.strides[1])
                }
            }
        case .scatterAdd(let source, let indices, let table):
            let (from, rows, to) = (ReferenceElements(source), ReferenceElements(indices), ReferenceElements(table))
            for n in 0..<indices.elementCount {
                let row = Int(rows.load(indices.offset + n * indices.strides[0]))
                if row < 0 { continue }
                precondition(row < table.shape[0], "scatterAdd: row \(row) of a table of \(table.shape[0])")
                for c in 0..<table.shape[1] {
                    let target = table.offset + row * table.strides[0] + c * table.strides[1]
                    let value = from.load(source.offset + n * source.strides[0] + c * source.strides[1])
                    to.store(to.load(target) + value, at: target)
                }
            }
        case .scatter(let source, let indices, let table):
            let (from, rows, to) = (ReferenceElements(source), ReferenceElements(indices), ReferenceElements(table))
            for n in 0..<indices.elementCount {
                let row = Int(rows.load(indices.offset + n * indices.strides[0]))
                if row < 0 { continue }
                precondition(row < table.shape[0], "scatter: row \(row) of a table of \(table.shape[0])")
                for c in 0..<table.shape[1] {
                    let value = from.load(source.offset + n * source.strides[0] + c * source.strides[1])
                    to.store(value, at: table.offset + row * table.strides[0] + c * table.strides[1])
                }
            }
        case .random(let source, let first, let view):
            let elements = ReferenceElements(view)
            for (index, offset) in elements.offsets.enumerated() {
                elements.store(source.uniform(at: first + UInt64(index)), at: offset)
            }
        case .round(let source, let target, let random, let first):
            let (from, to) = (ReferenceElements(source), ReferenceElements(target))
            for (index, (a, b)) in zip(from.offsets, to.offsets).enumerated() {
                let share = Double(random.halfWord(at: first + UInt64(index))) / 65536
                to.store(BFloat16.rounded(Float(from.load(a)), share), at: b)
            }
        default:
            preconditionFailure("the reference backend runs primitives only, not '\(operation.name)'")
        }
    }

    private func sum(_ input: BufferView, into output: BufferView, accumulate: Bool) {
        let (from, to) = (ReferenceElements(input), ReferenceElements(output))
        var totals = [Double](repeating: 0, count: output.elementCount)
        let target = BufferView(buffer: output.buffer, shape: output.shape, dtype: output.dtype)
            .broadcast(to: input.shape)
        for (source, index) in zip(from.offsets, ReferenceElements(target).offsets) { totals[index] += from.load(source) }
        for (total, offset) in zip(totals, to.offsets) {
            to.store(accumulate ? to.load(offset) + total : total, at: offset)
        }
    }

    private func matmul(_ product: Matmul) {
        let (a, b, c) = (product.a, product.b, product.c)
        let n = c.dimCount
        let (rows, columns, depth) = (c.shape[n - 2], c.shape[n - 1], a.shape[n - 1])
        let (left, right, result) = (ReferenceElements(a), ReferenceElements(b), ReferenceElements(c))
        let batches = zip(zip(left.leadingOffsets(2), right.leadingOffsets(2)), result.leadingOffsets(2))
        for ((aStart, bStart), cStart) in batches {
            for i in 0..<rows {
                for j in 0..<columns {
                    var total = 0.0
                    for k in 0..<depth {
                        total += left.load(aStart + i * a.strides[n - 2] + k * a.strides[n - 1])
                            * right.load(bStart + k * b.strides[n - 2] + j * b.strides[n - 1])
                    }
                    let offset = cStart + i * c.strides[n - 2] + j * c.strides[n - 1]
                    let kept = product.beta == 0 ? 0 : product.beta * result.load(offset)
                    result.store(product.alpha * total + kept, at: offset)
                }
            }
        }
    }
}
