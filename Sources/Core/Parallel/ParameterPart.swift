/// What a rank holds of a parameter: boxes of the whole, behind each other along one dim.
public struct ParameterPart: Sendable, Hashable {
    public let boxes: [Box]
    /// The dim along which the boxes follow each other.
    public let dim: Int

    public init(_ boxes: [Box], dim: Int = 0) {
        precondition(!boxes.isEmpty, "parameter part: no boxes")
        (self.boxes, self.dim) = (boxes, dim)
    }

    /// All of a parameter.
    public init(whole shape: [Int]) { self.init([Box(whole: shape)]) }

    /// The ranges along `dim` of a parameter of `shape`.
    public init(_ ranges: [Range<Int>], dim: Int, of shape: [Int]) {
        self.init(ranges.map { Box(whole: shape).sliced(dim: dim, $0) }, dim: dim)
    }

    /// The shape of what is held.
    public var shape: [Int] {
        var shape = boxes[0].size
        if boxes.count > 1 { shape[dim] = boxes.reduce(0) { $0 + $1.size[dim] } }
        return shape
    }

    public var elementCount: Int { boxes.reduce(0) { $0 + $1.elementCount } }

    /// Elements `range` of what is held, in ranges whose places in the whole, of `shape`, follow each other, and the place
    /// of each one's first element.
    func pieces(of range: Range<Int>, in shape: [Int]) -> [(range: Range<Int>, first: Int)] {
        // Where several boxes lie behind each other along an inner dim, each row of them is a run of its own.
        let outer = self.shape[..<dim].reduce(1, *)
        let widths = boxes.map { $0.elementCount / max(outer, 1) }
        let rowWidth = widths.reduce(0, +)
        var result: [(range: Range<Int>, first: Int)] = []
        for row in outer == 0 || rowWidth == 0 ? 0..<0 : range.lowerBound / rowWidth..<(range.upperBound + rowWidth - 1) / rowWidth {
            var start = row * rowWidth
            for (box, width) in zip(boxes, widths) {
                defer { start += width }
                let (length, place) = box.runs(in: shape)
                let common = (start..<start + width).clamped(to: range)
                var element = common.lowerBound
                while element < common.upperBound {
                    let inBox = row * width + element - start
                    let end = min(common.upperBound, element + length - inBox % length)
                    let first = place(inBox / length) + inBox % length
                    if let last = result.last, last.range.upperBound == element, last.first + last.range.count == first {
                        result[result.count - 1].range = last.range.lowerBound..<end
                    } else {
                        result.append((element..<end, first))
                    }
                    element = end
                }
            }
        }
        return result
    }

    /// Whether no block of `count` elements that follow each other in the whole, of `shape`, is cut.
    public func keepsTogether(_ count: Int, in shape: [Int]) -> Bool {
        pieces(of: 0..<elementCount, in: shape).allSatisfy { range, first in
            let end = first + range.count
            return first % count == 0 && (end % count == 0 || end == shape.reduce(1, *))
        }
    }

    /// Each box with the range that it takes along `dim` of what is held.
    public var pieces: [(box: Box, range: Range<Int>)] {
        var start = 0
        return boxes.map { box in
            let length = box.size.isEmpty ? 0 : box.size[dim]
            defer { start += length }
            return (box, start..<start + length)
        }
    }
}

/// A parameter on one rank, as strategies have placed it.
public struct ParameterPlace {
    public var part: ParameterPart
    /// Whether this rank speaks for the part, in norms and checkpoints, where several ranks hold the same.
    public var isCounted = true
    /// Ranks that hold the same part and use it for different work: its gradient is the sum of theirs, over one set of
    /// ranks after the other.
    public var sharers: [Communicator] = []
    /// Ranks that have the whole together, and whether this one speaks for its part among them; nil = it is not divided.
    public var peers: (ranks: Communicator, speaks: Bool)?

    public init(_ part: ParameterPart) { self.part = part }

    /// All of a parameter.
    public init(whole shape: [Int]) { self.init(ParameterPart(whole: shape)) }
}
