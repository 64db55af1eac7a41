extension BufferView {
    /// Whether a box of `size` at `offset` lies within `shape`.
    static func boxFits(_ size: [Int], at offset: [Int], in shape: [Int]) -> Bool {
        size.count == shape.count && offset.count == shape.count
            && shape.indices.allSatisfy { offset[$0] >= 0 && offset[$0] + size[$0] <= shape[$0] }
    }

    /// The part of `size` that starts at `offset`.
    func box(_ size: [Int], at offset: [Int]) -> BufferView {
        shape.indices.reduce(self) { view, dim in view.sliced(dim: dim, offset[dim]..<offset[dim] + size[dim]) }
    }
}
