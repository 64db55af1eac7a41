import Foundation

extension Program {
    /// The program that computes gradients of this one, by reverse accumulation over its instructions.
    ///
    /// Its inputs are this program's inputs followed by one gradient for each output; its outputs are the gradients of
    /// the inputs listed in `wanted`, in that order.
    /// - Parameters:
    ///   - wanted: which inputs' gradients are computed.
    ///   - rowOutputs: outputs that are stored once a row (their gradient arrives once a row).
    ///   - rowInputs: inputs that are given once a row; their gradient is summed over the row.
    package func gradient(for wanted: [Int], rowOutputs: Set<Int>, rowInputs: Set<Int>) -> Program {
        let builder = ProgramBuilder()
        let values = instructions.map { builder.append($0) }
        var adjoints = [Symbol?](repeating: nil, count: values.count)

        func add(_ amount: Symbol, to index: Int) {
            adjoints[index] = adjoints[index].map { $0 + amount } ?? amount
        }

        for (position, output) in outputs.enumerated() {
            let incoming = builder.append(.input(inputCount + position))
            // What is stored once a row is the value at column 0.
            let seed = rowOutputs.contains(position)
                ? select(incoming.column == incoming.constant(0), incoming, incoming.constant(0)) : incoming
            add(seed, to: output)
        }
        for index in instructions.indices.reversed() {
            guard let g = adjoints[index] else { continue }
            let y = values[index]
            switch instructions[index] {
            case .input, .scalar, .constant, .column: break
            case .unary(let op, let a):
                if let derivative = Program.derivative(op, x: values[a], y: y) { add(g * derivative, to: a) }
            case .binary(let op, let a, let b):
                let (ga, gb) = Program.derivatives(op, g: g, a: values[a], b: values[b], y: y)
                if let ga { add(ga, to: a) }
                if let gb { add(gb, to: b) }
            case .select(let condition, let a, let b):
                let zero = g.constant(0)
                add(select(values[condition], g, zero), to: a)
                add(select(values[condition], zero, g), to: b)
            case .rowSum(let a): add(g.rowSum, to: a)
            case .rowMax(let a):
                // Ties share the gradient.
                let isLargest = values[a] == y
                add(g.rowSum * isLargest / isLargest.rowSum, to: a)
            }
        }
        let results = wanted.map { input -> Symbol in
            let index = instructions.firstIndex(of: .input(input))
            let adjoint = index.flatMap { adjoints[$0] } ?? builder.append(.constant(0))
            return rowInputs.contains(input) ? adjoint.rowSum : adjoint
        }
        return Program(builder, inputs: inputCount + outputs.count, scalars: scalarCount, outputs: results)
    }

    private static func derivative(_ op: Unary, x: Symbol, y: Symbol) -> Symbol? {
        switch op {
        case .negate: x.constant(-1)
        case .exp: y
        case .log: x.reciprocal
        case .sqrt: 0.5 / y
        case .tanh: 1 - y * y
        case .erf: (2 / Double.pi.squareRoot()) * (-(x * x)).exp
        case .abs: x.sign
        case .sign: nil
        case .reciprocal: -(y * y)
        case .log1p: (1 + x).reciprocal
        case .sigmoid: y - y * y
        }
    }

    private static func derivatives(
        _ op: Binary, g: Symbol, a: Symbol, b: Symbol, y: Symbol
    ) -> (Symbol?, Symbol?) {
        let zero = g.constant(0)
        switch op {
        case .add: return (g, g)
        case .subtract: return (g, -g)
        case .multiply: return (g * b, g * a)
        case .divide: return (g / b, -(g * y / b))
        case .maximum: return (select(a < b, zero, g), select(a < b, g, zero))
        case .minimum: return (select(b < a, zero, g), select(b < a, g, zero))
        case .less, .equal: return (nil, nil)
        }
    }
}
