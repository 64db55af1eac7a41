import Core
import Testing

@Suite struct BoxTests {
    /// The row-major indices that boxes cover in an array of `shape`.
    private static func places(_ boxes: [Box], in shape: [Int]) -> [Int] {
        boxes.flatMap { box in
            (0..<box.elementCount).map { element in
                var (rest, place, stride) = (element, 0, 1)
                for dim in shape.indices.reversed() {
                    place += (box.offset[dim] + rest % box.size[dim]) * stride
                    rest /= box.size[dim]
                    stride *= shape[dim]
                }
                return place
            }
        }
    }

    @Test(arguments: [[7], [4, 5], [2, 3, 4], [1, 6], [3, 1, 2]])
    func `the boxes of a range hold its elements in order`(shape: [Int]) {
        let whole = Box(whole: shape)
        for first in 0...whole.elementCount {
            for end in first...whole.elementCount {
                let boxes = whole.boxes(of: first..<end)
                #expect(Self.places(boxes, in: shape) == Array(first..<end))
                #expect(boxes.count <= 2 * shape.count - 1)
            }
        }
    }

    @Test func `the boxes of a range of a part lie in the whole`() {
        let part = Box(offset: [1, 2], size: [2, 3])
        #expect(Self.places(part.boxes(of: 1..<6), in: [4, 6]) == [9, 10, 14, 15, 16])
    }

    @Test func `what a rank holds starts with the values of that part of the whole`() {
        let runtime = Runtime(CPUBackend(threads: 2))
        let specs = [
            ParameterSpec(
                "a", [6, 10], block: "x", initializer: .normal(standardDeviation: 0.5), placement: Placement(.rows)),
            ParameterSpec("b", [3], block: "x", initializer: .ones, placement: .replicated),
            ParameterSpec(
                "c", [2, 3, 4], block: "y", initializer: .normal(standardDeviation: 1), placement: .experts),
        ]
        func values(_ parts: [String: ParameterPart]) -> [String: [Float]] {
            let store = ParameterStore(
                specs, runtime, precision: .float32, seed: 7,
                place: {
                    parts[$0.name].map { ParameterPlace($0) } ?? ($0.name == "b" ? nil : ParameterPlace(whole: $0.shape))
                })
            #expect(store.specs.map(\.name) == ["a", "c"] && store.find("b") == nil)
            return Dictionary(uniqueKeysWithValues: store.parameters.map { ($0.name, $0.value.floats()) })
        }
        let whole = values([:])
        for parts in [
            [
                "a": ParameterPart([Box(offset: [0, 5], size: [6, 5])]),
                "c": ParameterPart([Box(offset: [1, 0, 0], size: [1, 3, 4])]),
            ],
            [
                "a": ParameterPart([Box(offset: [2, 0], size: [3, 10])]),
                "c": ParameterPart([Box(offset: [0, 1, 1], size: [2, 2, 3])]),
            ],
            // Several boxes behind each other, along the first dim and along another.
            ["a": ParameterPart([0..<1, 4..<6], dim: 0, of: [6, 10])],
        ] {
            let held = values(parts)
            for (name, shape) in [("a", [6, 10]), ("c", [2, 3, 4])] {
                guard let part = parts[name] else { continue }
                #expect(held[name] == Self.places(part.boxes, in: shape).compactMap { whole[name]?[$0] })
            }
        }
        let columns = values(["a": ParameterPart([0..<2, 7..<10], dim: 1, of: [6, 10])])
        let expected = (0..<6).flatMap { row in [0, 1, 7, 8, 9].compactMap { whole["a"]?[row * 10 + $0] } }
        #expect(columns["a"] == expected)
    }
}
