/// Runs a program row by row in float64.
struct ReferenceProgram {
    private let program: Program
    private let inputs: [BufferView]
    private let outputs: [BufferView]
    private let scalars: [Double]
    private let width: Int

    init(_ program: Program, _ inputs: [BufferView], _ outputs: [BufferView], _ scalars: [Double]) {
        precondition(
            inputs.count == program.inputCount && outputs.count == program.outputs.count
                && scalars.count == program.scalarCount,
            "map: \(inputs.count) inputs, \(outputs.count) outputs and \(scalars.count) scalars do not fit the program")
        self.program = program
        self.inputs = inputs
        self.outputs = outputs
        self.scalars = scalars
        self.width = (inputs + outputs).map { $0.shape.last ?? 1 }.max() ?? 0
    }

    func run() {
        let sources = inputs.map(ReferenceElements.init)
        let targets = outputs.map(ReferenceElements.init)
        let sourceRows = sources.map { $0.leadingOffsets(1) }
        let targetRows = targets.map { $0.leadingOffsets(1) }
        guard let rowCount = (sourceRows + targetRows).first?.count, width > 0 else { return }
        for row in 0..<rowCount {
            var values: [[Double]] = []
            for instruction in program.instructions {
                let value = evaluate(instruction, values) { index in
                    let step = inputs[index].shape.last == 1 ? 0 : inputs[index].strides.last ?? 0
                    return (0..<width).map { sources[index].load(sourceRows[index][row] + $0 * step) }
                }
                values.append(value)
            }
            for (index, output) in program.outputs.enumerated() {
                for column in 0..<(outputs[index].shape.last ?? 1) {
                    let offset = targetRows[index][row] + column * (outputs[index].strides.last ?? 0)
                    targets[index].store(values[output][column], at: offset)
                }
            }
        }
    }

    private func evaluate(
        _ instruction: Program.Instruction, _ values: [[Double]], load: (Int) -> [Double]
    ) -> [Double] {
        switch instruction {
        case .input(let index): load(index)
        case .scalar(let index): [Double](repeating: scalars[index], count: width)
        case .constant(let value): [Double](repeating: value, count: width)
        case .column: (0..<width).map(Double.init)
        case .unary(let op, let a): values[a].map { op.value($0) }
        case .binary(let op, let a, let b): zip(values[a], values[b]).map { op.value($0, $1) }
        case .select(let condition, let a, let b):
            (0..<width).map { values[condition][$0] != 0 ? values[a][$0] : values[b][$0] }
        case .rowSum(let a): [Double](repeating: values[a].reduce(0, +), count: width)
        case .rowMax(let a): [Double](repeating: values[a].reduce(-.infinity, Swift.max), count: width)
        }
    }
}
