/// Conversions of bfloat16, the upper half of a float32.
package enum BFloat16 {
    /// The nearest bfloat16, ties to even; NaN stays NaN.
    package static func bits(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }

    /// One of the two bfloat16 numbers around `value`: the one further from zero when the distance from the nearer one,
    /// in steps, plus `share` reaches 1. NaN and infinities stay.
    package static func rounded(_ value: Float, _ share: Double) -> Double {
        guard value.isFinite else { return Double(value) }
        let inner = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
        let outer = Float(bitPattern: (value.bitPattern & 0xFFFF_0000) &+ 0x1_0000)
        // The largest finite number's step leads to infinity.
        let step = outer.isFinite ? Double(outer) - Double(inner) : Double(inner) * 0x1p-7 / 1.9921875
        let distance = (Double(value) - Double(inner)) / step
        return distance + share >= 1 ? Double(outer) : Double(inner)
    }
}
