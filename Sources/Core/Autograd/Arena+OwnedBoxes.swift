extension Arena {
    /// A box of a parameter among what a rank owns of an arena.
    public struct OwnedBox {
        /// Where it starts in the whole parameter.
        public let offset: [Int]
        /// Elements of the owned ones in which it lies, as an array of `rows`.
        private let range: Range<Int>
        private let rows: [Int]
        /// The part of `dim` of that array which it is.
        private let dim: Int
        private let slice: Range<Int>

        init(offset: [Int], range: Range<Int>, rows: [Int], dim: Int, slice: Range<Int>) {
            (self.offset, self.range, self.rows, self.dim, self.slice) = (offset, range, rows, dim, slice)
        }

        /// The box among the owned values of weights, gradients or a state.
        /// - Parameters:
        ///   - owned: flat.
        ///   - first: which of the arena's owned elements its first is.
        public func view(of owned: Tensor, from first: Int = 0) -> Tensor {
            let flat = owned.view.sliced(dim: 0, range.from(first))
            let box = flat.reshaped(to: rows)
            return Tensor(rows.isEmpty ? box : box.sliced(dim: dim, slice), owned.runtime)
        }
    }

    /// The owned elements of an entry, counted among the owned ones.
    public func ownedRange(of entry: Entry) -> Range<Int> {
        entry.range.clamped(to: owned).from(owned.lowerBound)
    }

    /// What is owned of an entry, as boxes of the whole parameter: a few, since a range cuts rows at both ends only.
    public func ownedBoxes(of entry: Entry) -> [OwnedBox] {
        let common = entry.range.clamped(to: owned)
        if common.isEmpty { return [] }
        let (part, dim) = (entry.part, entry.part.dim)
        return Box(whole: part.shape).boxes(of: common.from(entry.range.lowerBound)).flatMap { held -> [OwnedBox] in
            let strides = BufferView.rowMajorStrides(part.shape)
            let first = entry.range.lowerBound - owned.lowerBound + zip(held.offset, strides).reduce(0) { $0 + $1.0 * $1.1 }
            let range = first..<first + held.elementCount
            if held.size.isEmpty { return [OwnedBox(offset: [], range: range, rows: [], dim: 0, slice: 0..<1)] }
            return part.pieces.compactMap { box, place in
                let along = (held.offset[dim]..<held.offset[dim] + held.size[dim]).clamped(to: place)
                if along.isEmpty { return nil }
                var offset = zip(box.offset, held.offset).map { $0 + $1 }
                offset[dim] = box.offset[dim] + along.lowerBound - place.lowerBound
                return OwnedBox(
                    offset: offset, range: range, rows: held.size, dim: dim, slice: along.from(held.offset[dim]))
            }
        }
    }
}
