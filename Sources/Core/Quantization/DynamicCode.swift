/// The 256 numbers in [-1, 1] or [0, 1] of the 8-bit dynamic code: Dettmers et al., "8-bit Optimizers via Block-wise
/// Quantization", 2021, arXiv 2110.02861, section 1.3 ("dynamic tree quantization").
///
/// Leading zero bits count decades, the bits after them count linearly inside the decade, so small numbers keep their
/// order of magnitude and large ones get most of the codes. Codes are indices in ascending order.
package struct DynamicCode: Sendable {
    /// In ascending order, [256].
    package let numbers: [Double]
    /// A number has the code that says how many thresholds are below it, [255].
    package let thresholds: [Double]

    package static let signed = DynamicCode(isSigned: true)
    package static let nonnegative = DynamicCode(isSigned: false)

    private init(isSigned: Bool) {
        var magnitudes: [Double] = []
        var decade = 1e-6
        for exponent in 0..<7 {
            let count = (isSigned ? 1 : 2) << exponent
            magnitudes += (0..<count).map { decade * (0.1 + 0.9 * (Double($0) + 0.5) / Double(count)) }
            decade *= 10
        }
        // The largest magnitude is 1 itself, once: a block's scale carries its sign.
        let numbers = (isSigned ? magnitudes.reversed().map { -$0 } : []) + [0] + magnitudes + [1]
        self.numbers = numbers
        thresholds = zip(numbers, numbers.dropFirst()).map { below, above in
            // A second moment that became 0 would make a step of any size; it becomes the least number instead.
            below == 0 && !isSigned ? 0 : (below + above) / 2
        }
    }
}
