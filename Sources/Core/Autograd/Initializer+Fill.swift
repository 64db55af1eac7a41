internal import Dispatch
internal import Random

extension Initializer {
    /// Fills what a rank holds of a parameter; element i of the row-major order of the whole draws number i of `source`.
    /// - Parameters:
    ///   - tensor: of the box's size.
    ///   - box: the part of the whole, which has `shape`.
    func fill(_ tensor: Tensor, _ box: Box, of shape: [Int], _ source: Philox) {
        let runtime = tensor.runtime
        switch self {
        case .zeros: runtime.run(.fill(tensor.view, value: 0))
        case .ones: runtime.run(.fill(tensor.view, value: 1))
        case .normal(let standardDeviation):
            // 32 MB or less of host memory at a time.
            let piece = 1 << 22
            if !tensor.view.isContiguous {
                let dense = runtime.empty(tensor.shape, tensor.dtype)
                fill(dense, box, of: shape, source)
                return runtime.run(.copy(from: dense.view, to: tensor.view))
            }
            let flat = tensor.view.reshaped(to: [tensor.elementCount])
            let (length, start) = box.runs(in: shape)
            let places: @Sendable (Int) -> UInt64 = { UInt64(start($0 / length) + $0 % length) }
            for start in stride(from: 0, to: tensor.elementCount, by: piece) {
                let range = start..<min(start + piece, tensor.elementCount)
                let threads = runtime.backend.capabilities.threadCount
                let values = tensor.dtype == .float64
                    ? runtime.tensor(normals(range, places, source, threads) { $0 * standardDeviation }, [range.count])
                    : runtime.tensor(normals(range, places, source, threads) { Float($0 * standardDeviation) }, [range.count])
                runtime.run(.copy(from: values.view, to: flat.sliced(dim: 0, range)))
            }
        }
    }

    /// The numbers of the source at the places of elements `range`, drawn on `threads` threads and passed through `convert`.
    private func normals<Element>(
        _ range: Range<Int>, _ places: @Sendable (Int) -> UInt64, _ source: Philox, _ threads: Int,
        _ convert: @Sendable (Double) -> Element
    ) -> [Element] {
        [Element](unsafeUninitializedCapacity: range.count) { buffer, initializedCount in
            // Each iteration writes elements of its own only.
            nonisolated(unsafe) let buffer = buffer
            let count = range.count
            DispatchQueue.concurrentPerform(iterations: threads) { part in
                for index in count * part / threads..<count * (part + 1) / threads {
                    let number = source.normal(at: places(range.lowerBound + index))
                    buffer.initializeElement(at: index, to: convert(number))
                }
            }
            initializedCount = count
        }
    }
}
