/// A part of an array: where it starts and how far it goes along each dim.
public struct Box: Sendable, Hashable {
    public let offset: [Int]
    public let size: [Int]

    public init(offset: [Int], size: [Int]) {
        precondition(offset.count == size.count, "box: offset \(offset) and size \(size) have different dims")
        (self.offset, self.size) = (offset, size)
    }

    /// All of an array of `shape`.
    public init(whole shape: [Int]) { self.init(offset: [Int](repeating: 0, count: shape.count), size: shape) }

    public var elementCount: Int { size.reduce(1, *) }

    public func isWhole(of shape: [Int]) -> Bool { size == shape }

    /// The part that `range` of dim `dim` of this box is.
    public func sliced(dim: Int, _ range: Range<Int>) -> Box {
        var (offset, size) = (offset, size)
        offset[dim] += range.lowerBound
        size[dim] = range.count
        return Box(offset: offset, size: size)
    }

    /// Where elements that follow each other in the box also do so in the whole: how many, and the row-major index in an
    /// array of `shape` of the first of each run.
    package func runs(in shape: [Int]) -> (length: Int, start: @Sendable (_ run: Int) -> Int) {
        // Dims that the box fills, from the last on, do not interrupt a run.
        var dim = shape.count
        while dim > 0 && size[dim - 1] == shape[dim - 1] { dim -= 1 }
        let inner = max(dim - 1, 0)
        let strides = BufferView.rowMajorStrides(shape)
        let first = zip(offset, strides).reduce(0) { $0 + $1.0 * $1.1 }
        let leading = Array(zip(size, strides).prefix(inner))
        return (
            size[inner...].reduce(1, *),
            { run in
                var (rest, index) = (run, first)
                for (count, stride) in leading.reversed() {
                    index += rest % count * stride
                    rest /= count
                }
                return index
            }
        )
    }

    /// The boxes that the row-major elements `range` of this box make: a few, since rows are cut at both ends only.
    public func boxes(of range: Range<Int>) -> [Box] {
        if range.isEmpty { return [] }
        guard let width = size.first, size.count > 1 else { return [sliced(dim: 0, range)] }
        let row = elementCount / width
        let (first, last) = (range.lowerBound / row, (range.upperBound - 1) / row)
        let (head, tail) = (range.lowerBound % row, (range.upperBound - 1) % row + 1)
        func part(_ index: Int, _ range: Range<Int>) -> [Box] {
            // A row has one dim less: its boxes get it back.
            Box(offset: Array(offset.dropFirst()), size: Array(size.dropFirst())).boxes(of: range).map {
                Box(offset: [offset[0] + index] + $0.offset, size: [1] + $0.size)
            }
        }
        if first == last && (head > 0 || tail < row) { return part(first, head..<tail) }
        let wholeFirst = head == 0 ? first : first + 1
        let wholeEnd = tail == row ? last + 1 : last
        return (head == 0 ? [] : part(first, head..<row))
            + (wholeFirst < wholeEnd ? [sliced(dim: 0, wholeFirst..<wholeEnd)] : [])
            + (tail == row ? [] : part(last, 0..<tail))
    }
}
