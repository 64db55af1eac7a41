/// A value of a program under construction: write formulas with it as with numbers.
public struct Symbol {
    package let builder: ProgramBuilder
    package let index: Int
}

/// Collects instructions; an instruction that stands already is not added twice.
package final class ProgramBuilder {
    package private(set) var instructions: [Program.Instruction] = []
    private var known: [Program.Instruction: Int] = [:]

    package init() {}

    package func append(_ instruction: Program.Instruction) -> Symbol {
        if let index = known[instruction] { return Symbol(builder: self, index: index) }
        known[instruction] = instructions.count
        instructions.append(instruction)
        return Symbol(builder: self, index: instructions.count - 1)
    }
}

extension Symbol {
    /// A constant of the same program.
    public func constant(_ value: Double) -> Symbol { builder.append(.constant(value)) }
    /// The element's index in its row.
    public var column: Symbol { builder.append(.column) }

    private func unary(_ op: Program.Unary) -> Symbol { builder.append(.unary(op, index)) }
    private static func binary(_ op: Program.Binary, _ a: Symbol, _ b: Symbol) -> Symbol {
        a.builder.append(.binary(op, a.index, b.index))
    }

    public var exp: Symbol { unary(.exp) }
    public var log: Symbol { unary(.log) }
    /// log(1 + x), exact near 0
    public var log1p: Symbol { unary(.log1p) }
    public var squareRoot: Symbol { unary(.sqrt) }
    public var tanh: Symbol { unary(.tanh) }
    public var erf: Symbol { unary(.erf) }
    public var magnitude: Symbol { unary(.abs) }
    /// -1, 0 or 1
    public var sign: Symbol { unary(.sign) }
    public var reciprocal: Symbol { unary(.reciprocal) }
    /// The sum of the row.
    public var rowSum: Symbol { builder.append(.rowSum(index)) }
    /// The largest of the row.
    public var rowMax: Symbol { builder.append(.rowMax(index)) }

    /// 1 / (1 + exp(-x)), without overflow on either side
    public var sigmoid: Symbol { unary(.sigmoid) }
    /// log(sigmoid(x)) = min(x, 0) - log(1 + exp(-|x|))
    public var logSigmoid: Symbol { minimum(self, constant(0)) - (-magnitude).exp.log1p }

    public static prefix func - (a: Symbol) -> Symbol { a.unary(.negate) }
    public static func + (a: Symbol, b: Symbol) -> Symbol { binary(.add, a, b) }
    public static func - (a: Symbol, b: Symbol) -> Symbol { binary(.subtract, a, b) }
    public static func * (a: Symbol, b: Symbol) -> Symbol { binary(.multiply, a, b) }
    public static func / (a: Symbol, b: Symbol) -> Symbol { binary(.divide, a, b) }
    public static func + (a: Symbol, b: Double) -> Symbol { a + a.constant(b) }
    public static func - (a: Symbol, b: Double) -> Symbol { a - a.constant(b) }
    public static func * (a: Symbol, b: Double) -> Symbol { a * a.constant(b) }
    public static func / (a: Symbol, b: Double) -> Symbol { a / a.constant(b) }
    public static func + (a: Double, b: Symbol) -> Symbol { b.constant(a) + b }
    public static func - (a: Double, b: Symbol) -> Symbol { b.constant(a) - b }
    public static func * (a: Double, b: Symbol) -> Symbol { b.constant(a) * b }
    public static func / (a: Double, b: Symbol) -> Symbol { b.constant(a) / b }
    /// 1 where a < b, else 0
    public static func < (a: Symbol, b: Symbol) -> Symbol { binary(.less, a, b) }
    /// 1 where a == b, else 0
    public static func == (a: Symbol, b: Symbol) -> Symbol { binary(.equal, a, b) }

    fileprivate static func extreme(_ op: Program.Binary, _ a: Symbol, _ b: Symbol) -> Symbol { binary(op, a, b) }
}

/// The larger of two values.
public func maximum(_ a: Symbol, _ b: Symbol) -> Symbol { Symbol.extreme(.maximum, a, b) }
/// The smaller of two values.
public func minimum(_ a: Symbol, _ b: Symbol) -> Symbol { Symbol.extreme(.minimum, a, b) }
/// Where `condition` is not 0, `a`, else `b`.
public func select(_ condition: Symbol, _ a: Symbol, _ b: Symbol) -> Symbol {
    a.builder.append(.select(condition.index, a.index, b.index))
}
