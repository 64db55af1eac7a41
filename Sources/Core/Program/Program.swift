/// A straight-line program over elements or rows: the data form of every elementwise formula.
///
/// An optimizer's update, an activation, a loss term are programs; a backend runs one tile by tile (or compiles it).
/// Instruction k writes value k; `outputs` lists the values that are stored. A program with `rowSum`, `rowMax` or
/// `column` works on rows (the last dim), any other is free of shape. Equal programs are equal values, so that a backend
/// can cache what it made of them.
public struct Program: Hashable, Sendable {
    public enum Unary: UInt8, Sendable, CaseIterable {
        case negate, exp, log, sqrt, tanh, erf, abs, sign, reciprocal, log1p, sigmoid
    }

    public enum Binary: UInt8, Sendable, CaseIterable {
        case add, subtract, multiply, divide, maximum, minimum
        /// 1 or 0
        case less, equal
    }

    public enum Instruction: Hashable, Sendable {
        case input(Int)
        /// A number given at each run (a learning rate, a bias correction).
        case scalar(Int)
        case constant(Double)
        /// The element's index in its row.
        case column
        case unary(Unary, Int)
        case binary(Binary, Int, Int)
        /// Where value 0 is not 0, value 1, else value 2. The side not taken may be anything, NaN too.
        case select(Int, Int, Int)
        /// The sum of the row, in every element of the row; accumulated in float32 or wider.
        case rowSum(Int)
        /// The largest of the row, in every element of the row.
        case rowMax(Int)
    }

    public let inputCount: Int
    public let scalarCount: Int
    public let instructions: [Instruction]
    public let outputs: [Int]

    /// Builds a program by running `body` on symbols.
    /// - Parameters:
    ///   - inputs: number of tensors read.
    ///   - scalars: number of values given at each run.
    ///   - body: receives the symbols of the inputs and scalars; returns what is stored.
    public init(inputs: Int, scalars: Int = 0, _ body: (_ inputs: [Symbol], _ scalars: [Symbol]) -> [Symbol]) {
        let builder = ProgramBuilder()
        let inputSymbols = (0..<inputs).map { builder.append(.input($0)) }
        let scalarSymbols = (0..<scalars).map { builder.append(.scalar($0)) }
        let results = body(inputSymbols, scalarSymbols)
        self.init(builder, inputs: inputs, scalars: scalars, outputs: results)
    }

    package init(_ builder: ProgramBuilder, inputs: Int, scalars: Int, outputs: [Symbol]) {
        // Only what an output needs is kept, renumbered in order.
        var needed = [Bool](repeating: false, count: builder.instructions.count)
        for output in outputs { needed[output.index] = true }
        for index in builder.instructions.indices.reversed() where needed[index] {
            for operand in builder.instructions[index].operands { needed[operand] = true }
        }
        var renumbered: [Int: Int] = [:]
        var kept: [Instruction] = []
        for index in builder.instructions.indices where needed[index] {
            renumbered[index] = kept.count
            kept.append(builder.instructions[index].mapOperands { renumbered[$0] ?? 0 })
        }
        self.inputCount = inputs
        self.scalarCount = scalars
        self.instructions = kept
        self.outputs = outputs.map { renumbered[$0.index] ?? 0 }
    }

    /// Whether values depend on their row, so that rows may not be split.
    public var isRowProgram: Bool {
        instructions.contains {
            switch $0 {
            case .column, .rowSum, .rowMax: true
            default: false
            }
        }
    }
}

extension Program.Instruction {
    /// The values that the instruction reads.
    package var operands: [Int] {
        switch self {
        case .input, .scalar, .constant, .column: []
        case .unary(_, let a), .rowSum(let a), .rowMax(let a): [a]
        case .binary(_, let a, let b): [a, b]
        case .select(let a, let b, let c): [a, b, c]
        }
    }

    package func mapOperands(_ transform: (Int) -> Int) -> Self {
        switch self {
        case .input, .scalar, .constant, .column: self
        case .unary(let op, let a): .unary(op, transform(a))
        case .rowSum(let a): .rowSum(transform(a))
        case .rowMax(let a): .rowMax(transform(a))
        case .binary(let op, let a, let b): .binary(op, transform(a), transform(b))
        case .select(let a, let b, let c): .select(transform(a), transform(b), transform(c))
        }
    }
}
