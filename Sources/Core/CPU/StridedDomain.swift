/// The index space that several views share, with as few dims as their strides allow.
struct StridedDomain {
    private(set) var shape: [Int] = []
    /// By view, then by dim; counted in elements.
    private(set) var strides: [[Int]]

    /// Drops dims of size 1 and merges neighbours that every view walks in one stride.
    /// - Parameter keepsLast: leaves the last dim as it is, even when its size is 1.
    init(_ shape: [Int], _ strides: [[Int]], keepsLast: Bool = false) {
        self.strides = strides.map { _ in [] }
        for dim in shape.indices {
            let isKept = keepsLast && dim == shape.count - 1
            if shape[dim] == 1 && !isKept { continue }
            let merges =
                !isKept && !self.shape.isEmpty
                && strides.indices.allSatisfy { view in
                    self.strides[view].last == strides[view][dim] * shape[dim]
                }
            if merges {
                self.shape[self.shape.count - 1] *= shape[dim]
                for view in strides.indices { self.strides[view][self.shape.count - 1] = strides[view][dim] }
            } else {
                self.shape.append(shape[dim])
                for view in strides.indices { self.strides[view].append(strides[view][dim]) }
            }
        }
    }

    var dimCount: Int { shape.count }

    /// Takes the last dim away and returns its size and its stride in each view; size 1 when no dim is left.
    mutating func removeLast() -> (size: Int, strides: [Int]) {
        guard !shape.isEmpty else { return (1, strides.map { _ in 0 }) }
        return remove(dim: shape.count - 1)
    }

    mutating func remove(dim: Int) -> (size: Int, strides: [Int]) {
        let taken = strides.indices.map { strides[$0].remove(at: dim) }
        return (shape.remove(at: dim), taken)
    }

    var elementCount: Int { shape.reduce(1, *) }

    /// Offset of element `index` (row-major) in a view.
    func offset(_ index: Int, view: Int) -> Int {
        var (rest, offset) = (index, 0)
        for dim in shape.indices.reversed() {
            offset += rest % shape[dim] * strides[view][dim]
            rest /= shape[dim]
        }
        return offset
    }
}
