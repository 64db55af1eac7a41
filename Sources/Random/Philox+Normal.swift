import Foundation

extension Philox {
    /// A standard normal number for element `index` (Box-Muller on the element's own block, so no neighbour is needed).
    public func normal(at index: UInt64) -> Double {
        let words = block(at: index)
        let first = (Double(UInt64(words[1]) << 32 | UInt64(words[0])) + 1) * 0x1p-64
        let second = Double(UInt64(words[3]) << 32 | UInt64(words[2])) * 0x1p-64
        return (-2 * log(first)).squareRoot() * cos(2 * .pi * second)
    }
}
