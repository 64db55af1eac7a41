import Foundation

extension Program.Unary {
    /// The function of one number, in float64.
    func value(_ x: Double) -> Double {
        switch self {
        case .negate: -x
        case .exp: Foundation.exp(x)
        case .log: Foundation.log(x)
        case .sqrt: x.squareRoot()
        case .tanh: Foundation.tanh(x)
        case .erf: Foundation.erf(x)
        case .abs: Swift.abs(x)
        case .sign: x > 0 ? 1 : x < 0 ? -1 : 0
        case .reciprocal: 1 / x
        case .log1p: Foundation.log1p(x)
        case .sigmoid: 1 / (1 + Foundation.exp(-x))
        }
    }
}

extension Program.Binary {
    /// The function of two numbers, in float64; maximum and minimum keep a NaN.
    func value(_ x: Double, _ y: Double) -> Double {
        switch self {
        case .add: x + y
        case .subtract: x - y
        case .multiply: x * y
        case .divide: x / y
        case .maximum: x.isNaN || y.isNaN ? .nan : Swift.max(x, y)
        case .minimum: x.isNaN || y.isNaN ? .nan : Swift.min(x, y)
        case .less: x < y ? 1 : 0
        case .equal: x == y ? 1 : 0
        }
    }
}
