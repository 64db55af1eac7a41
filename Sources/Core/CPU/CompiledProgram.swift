import CKernels

/// A program made ready for tiles: what is one number is computed once, what is one number per row once per row, and
/// the rest is given registers by liveness.
final class CompiledProgram {
    /// How much a value varies.
    enum Kind: Int32, Hashable {
        /// One number for the whole run.
        case uniform
        /// One number for each row.
        case row
        /// One number for each element.
        case full
    }

    struct Key: Hashable {
        var program: Program
        var inputs: [Kind]
    }

    /// What the tiles run; `to` and operands of kind uniform are indices of `uniforms(...)`.
    private(set) var instructions: [ck_instruction] = []
    /// Where each instruction of the program left its value.
    private(set) var values: [ck_value] = []
    /// Registers of full and of row kind.
    private(set) var fullCount: Int32 = 0
    private(set) var rowCount: Int32 = 0
    /// The last instruction that reads each input; -1 when none does.
    private(set) var lastReaders: [Int]
    let program: Program
    private let kinds: [Kind]

    init(_ key: Key) {
        program = key.program
        kinds = CompiledProgram.kinds(key)
        lastReaders = [Int](repeating: -1, count: key.program.inputCount)
        assignRegisters()
    }

    private static func kinds(_ key: Key) -> [Kind] {
        var kinds: [Kind] = []
        for instruction in key.program.instructions {
            let kind: Kind
            switch instruction {
            case .input(let index): kind = key.inputs[index]
            case .scalar, .constant: kind = .uniform
            case .column: kind = .full
            case .rowSum(let a), .rowMax(let a): kind = kinds[a] == .uniform ? .uniform : .row
            case .unary, .binary, .select:
                kind = instruction.operands.map { kinds[$0] }.max { $0.rawValue < $1.rawValue } ?? .uniform
            }
            kinds.append(kind)
        }
        return kinds
    }

    private func assignRegisters() {
        let source = program.instructions
        var lastUse = [Int](repeating: -1, count: source.count)
        for (index, instruction) in source.enumerated() {
            for operand in instruction.operands { lastUse[operand] = index }
        }
        for output in program.outputs { lastUse[output] = source.count }

        var free: [Kind: [Int32]] = [:]
        func take(_ kind: Kind) -> ck_value {
            if let index = free[kind]?.popLast() { return ck_value(kind: kind.rawValue, index: index) }
            if kind == .full {
                fullCount += 1
                return ck_value(kind: kind.rawValue, index: fullCount - 1)
            }
            rowCount += 1
            return ck_value(kind: kind.rawValue, index: rowCount - 1)
        }
        values = source.indices.map { ck_value(kind: Kind.uniform.rawValue, index: Int32($0)) }
        // Inputs are in their registers before the first instruction.
        for (index, instruction) in source.enumerated() {
            if case .input = instruction, kinds[index] != .uniform { values[index] = take(kinds[index]) }
        }
        for (index, instruction) in source.enumerated() where kinds[index] != .uniform {
            if case .input = instruction { continue }
            for operand in instruction.operands {
                if case .input(let input) = source[operand] { lastReaders[input] = instructions.count }
            }
            for operand in instruction.operands where lastUse[operand] == index && kinds[operand] != .uniform {
                free[kinds[operand], default: []].append(values[operand].index)
                // An operand that is read twice is freed once.
                lastUse[operand] = -1
            }
            values[index] = take(kinds[index])
            instructions.append(encode(instruction, index))
        }
    }

    private func encode(_ instruction: Program.Instruction, _ index: Int) -> ck_instruction {
        let nothing = ck_value(kind: Kind.uniform.rawValue, index: 0)
        func encoded(
            _ code: Int32, _ a: ck_value, _ b: ck_value? = nil, _ c: ck_value? = nil
        ) -> ck_instruction {
            ck_instruction(code: code, to: values[index], a: a, b: b ?? nothing, c: c ?? nothing, output: -1)
        }
        let multiply = 16 + Int32(Program.Binary.multiply.rawValue)
        let rowLength = ck_value(kind: Kind.uniform.rawValue, index: Int32(values.count))
        switch instruction {
        case .unary(let op, let a): return encoded(Int32(op.rawValue), values[a])
        case .binary(.divide, let a, let b) where kinds[b] == .uniform:
            // A division takes many times as long as a product.
            let inverse = ck_value(kind: Kind.uniform.rawValue, index: Int32(values.count + 1 + b))
            return encoded(multiply, values[a], inverse)
        case .binary(let op, let a, let b): return encoded(16 + Int32(op.rawValue), values[a], values[b])
        case .select(let a, let b, let c): return encoded(Int32(CK_SELECT), values[a], values[b], values[c])
        // The sum of equal numbers is the number times the count, their maximum the number.
        case .rowSum(let a) where kinds[a] == .row: return encoded(multiply, values[a], rowLength)
        case .rowMax(let a) where kinds[a] == .row:
            return encoded(16 + Int32(Program.Binary.maximum.rawValue), values[a], values[a])
        case .rowSum(let a): return encoded(Int32(CK_ROW_SUM), values[a])
        case .rowMax(let a): return encoded(Int32(CK_ROW_MAX), values[a])
        case .column: return encoded(Int32(CK_COLUMN), nothing)
        case .input, .scalar, .constant: preconditionFailure("map: \(instruction) is not computed")
        }
    }

    /// The register of input `index`, nil when the program does not read it as a row or element value.
    func register(ofInput index: Int) -> ck_value? {
        guard let position = program.instructions.firstIndex(of: .input(index)), kinds[position] != .uniform else {
            return nil
        }
        return values[position]
    }

    /// Whether an input is stored unchanged, so that it must be read before outputs are written.
    func isOutput(input index: Int) -> Bool {
        program.outputs.contains { program.instructions[$0] == .input(index) }
    }

    /// The program's instructions, those that may writing their outputs where they lie.
    /// - Parameter mayWrite: whether an output may be written after instruction `lastReaders[input]` of each input.
    func instructions(writing mayWrite: (_ output: Int, _ writer: Int) -> Bool) -> [ck_instruction] {
        var placed = instructions
        for (number, output) in program.outputs.enumerated() where kinds[output] == .full {
            let value = values[output]
            // Registers of outputs are not used again, so their last writer is the output's own instruction.
            let writer = placed.lastIndex { $0.to.kind == value.kind && $0.to.index == value.index }
            if let writer, placed[writer].output < 0, mayWrite(number, writer) { placed[writer].output = Int32(number) }
        }
        return placed
    }

    /// All values of uniform kind, computed in float64 and rounded; then the row length; then the reciprocals of all.
    func uniforms(scalars: [Double], columns: Int, input: (Int) -> Double) -> [Float] {
        var numbers = [Double](repeating: 0, count: kinds.count)
        for (index, instruction) in program.instructions.enumerated() where kinds[index] == .uniform {
            switch instruction {
            case .input(let k): numbers[index] = input(k)
            case .scalar(let k): numbers[index] = scalars[k]
            case .constant(let value): numbers[index] = value
            case .unary(let op, let a): numbers[index] = op.value(numbers[a])
            case .binary(let op, let a, let b): numbers[index] = op.value(numbers[a], numbers[b])
            case .select(let a, let b, let c): numbers[index] = numbers[a] != 0 ? numbers[b] : numbers[c]
            case .rowSum(let a): numbers[index] = numbers[a] * Double(columns)
            case .rowMax(let a): numbers[index] = numbers[a]
            case .column: preconditionFailure("map: a column index is not one number")
            }
        }
        return numbers.map(Float.init) + [Float(columns)] + numbers.map { Float(1 / $0) }
    }
}
