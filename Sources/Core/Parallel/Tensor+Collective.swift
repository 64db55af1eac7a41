/// Tensors as lines of elements in host memory, which messages are made of.
extension Tensor {
    /// The elements in one line; precondition: they lie densely in host memory.
    var flat: Tensor {
        precondition(runtime.backend.capabilities.usesHostMemory, "collective: a tensor of '\(device)' is not in host memory")
        return Tensor(view.reshaped(to: [elementCount]), runtime)
    }

    /// A range of a line.
    func part(_ range: Range<Int>) -> Tensor { Tensor(view.sliced(dim: 0, range), runtime) }

    /// The memory of a line.
    var hostBytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: view.address, count: elementCount * dtype.byteCount)
    }

    /// Lines like this one, for what arrives.
    func temporaries(_ count: Int) -> [Tensor] {
        let all = runtime.empty([count * elementCount], dtype)
        return (0..<count).map { all.part($0 * elementCount..<($0 + 1) * elementCount) }
    }

    /// Copies a line of the same length and type, unless it is this one.
    func copy(_ other: Tensor) {
        precondition(other.elementCount == elementCount && other.dtype == dtype, "collective: a part of another size or type")
        if other.view.address != view.address { runtime.run(.copy(from: other.view, to: view)) }
    }
}

extension Collective.Reduction {
    /// Lines of all ranks, in their order, into one, which may be one of them.
    func combine(_ lines: [Tensor], into result: Tensor) {
        switch result.dtype {
        case .float32, .bfloat16, .float64:
            result.runtime.run(
                .map(program(lines.count), inputs: lines.map(\.view), outputs: [result.view], scalars: []))
        case .int32: integers(lines, into: result, Int32.self)
        case .uint8: integers(lines, into: result, UInt8.self)
        }
    }

    private func program(_ count: Int) -> Program {
        Program(inputs: count) { x, _ in
            [x.dropFirst().reduce(x[0]) { self == .sum ? $0 + $1 : Core.maximum($0, $1) }]
        }
    }

    private func integers<Element: FixedWidthInteger>(_ lines: [Tensor], into result: Tensor, _ type: Element.Type) {
        let values = lines.map { UnsafeMutableRawBufferPointer($0.hostBytes).bindMemory(to: type) }
        let target = result.hostBytes.bindMemory(to: type)
        for index in target.indices {
            let all = values.lazy.map { $0[index] }
            target[index] = self == .sum ? all.reduce(0, &+) : all.reduce(.min) { Swift.max($0, $1) }
        }
    }
}
