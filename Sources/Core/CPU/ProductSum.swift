import CKernels

/// A sum or difference that takes in one of its operands, a product that nothing else reads: one pass instead of two.
struct ProductSum {
    let code: Int32
    /// The value that is not computed by itself.
    let product: Int
    /// The first is of full kind.
    let factors: (Int, Int)
    let term: Int

    var operands: [Int] { [factors.0, factors.1, term] }

    /// All of a program, by the index of the sum.
    static func all(in program: Program, _ kinds: [CompiledProgram.Kind]) -> [Int: ProductSum] {
        let source = program.instructions
        var readers = [Int](repeating: 0, count: source.count)
        for operand in source.flatMap(\.operands) + program.outputs { readers[operand] += 1 }

        var sums: [Int: ProductSum] = [:]
        func take(_ index: Int, _ code: Int32, product: Int, term: Int) {
            guard sums[index] == nil, readers[product] == 1, kinds[product] == .full,
                case .binary(.multiply, let a, let b) = source[product]
            else { return }
            let factors = kinds[a] == .full ? (a, b) : (b, a)
            sums[index] = ProductSum(code: code, product: product, factors: factors, term: term)
        }
        for index in source.indices {
            switch source[index] {
            case .binary(.add, let a, let b):
                take(index, Int32(CK_MULTIPLY_ADD), product: b, term: a)
                take(index, Int32(CK_MULTIPLY_ADD), product: a, term: b)
            case .binary(.subtract, let a, let b):
                take(index, Int32(CK_SUBTRACT_PRODUCT), product: b, term: a)
                take(index, Int32(CK_MULTIPLY_SUBTRACT), product: a, term: b)
            default: break
            }
        }
        return sums
    }
}
