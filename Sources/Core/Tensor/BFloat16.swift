/// Conversions of bfloat16, the upper half of a float32.
package enum BFloat16 {
    /// The nearest bfloat16, ties to even; NaN stays NaN.
    package static func bits(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }
}
