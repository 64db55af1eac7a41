public import Random

/// A flat array [N] as a `StoredMap` reads or writes it.
public enum StoredArray {
    /// Dense numbers of any floating type; written to nearest.
    case numbers(BufferView)
    /// 8-bit codes, decoded and coded on the way.
    case blocks(QuantizedBlocks)
    /// Written only: dense bfloat16, rounded up or down at random with the elements from `first` on of a source, see
    /// `Operation.round`.
    case rounded(BufferView, Philox, first: UInt64)

    /// Number of elements.
    public var elementCount: Int {
        switch self {
        case .numbers(let view), .rounded(let view, _, _): view.elementCount
        case .blocks(let blocks): blocks.elementCount
        }
    }

    /// The view of plain numbers; nil for codes.
    var view: BufferView? {
        switch self {
        case .numbers(let view), .rounded(let view, _, _): view
        case .blocks: nil
        }
    }
}

/// An elementwise program over flat arrays that are stored in fewer bits than the program computes in: an optimizer's
/// update over 8-bit states, over bfloat16 weights, or coding itself (`Program.identity`).
///
/// Tile by tile: no array exists decoded as a whole. Outputs may be the very arrays that are inputs.
public struct StoredMap {
    public let program: Program
    public let inputs: [StoredArray]
    public let outputs: [StoredArray]
    public let scalars: [Double]

    /// - Parameters:
    ///   - program: elementwise, without rows.
    ///   - inputs: arrays of one length.
    ///   - outputs: arrays of that length.
    ///   - scalars: the program's scalars.
    public init(_ program: Program, inputs: [StoredArray], outputs: [StoredArray], scalars: [Double] = []) {
        let counts = (inputs + outputs).map(\.elementCount)
        precondition(
            inputs.count == program.inputCount && outputs.count == program.outputs.count
                && scalars.count == program.scalarCount,
            "stored map: a program of \(program.inputCount) inputs, \(program.outputs.count) outputs and "
                + "\(program.scalarCount) scalars was given \(inputs.count), \(outputs.count) and \(scalars.count)")
        precondition(!program.isRowProgram, "stored map: the program works on rows, expected an elementwise one")
        precondition(Set(counts).count <= 1, "stored map: arrays of \(counts) elements, expected one length")
        precondition(
            (inputs + outputs).allSatisfy { $0.view.map { $0.dimCount == 1 && $0.isContiguous } ?? true },
            "stored map: views of numbers must be dense and have one dim")
        for case .rounded(let view, _, _) in outputs {
            precondition(view.dtype == .bfloat16, "stored map: rounding at random writes bfloat16, not \(view.dtype)")
        }
        (self.program, self.inputs, self.outputs, self.scalars) = (program, inputs, outputs, scalars)
    }

    /// Number of elements.
    public var elementCount: Int { outputs.first?.elementCount ?? 0 }
}

extension Program {
    /// x itself: copying, coding and decoding.
    public static let identity = Program(inputs: 1) { x, _ in [x[0]] }
}
