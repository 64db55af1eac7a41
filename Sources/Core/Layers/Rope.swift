internal import Foundation

// R rotated dims of a head, P positions

/// Rotary position embedding: which angle each position turns each pair of dims by.
public struct Rope: Sendable, Hashable {
    /// The base of the wavelengths.
    public var theta: Double
    /// R: how many dims of a head are rotated (even).
    public var dimCount: Int
    public var scaling: Scaling

    public init(theta: Double, dimCount: Int, scaling: Scaling = .none) {
        self.theta = theta
        self.dimCount = dimCount
        self.scaling = scaling
    }

    /// How a model that was trained on short sequences is stretched to longer ones.
    public enum Scaling: Sendable, Hashable {
        case none
        /// Positions are divided by `factor` (Chen et al. 2023, arXiv 2306.15595).
        case linear(factor: Double)
        /// Long wavelengths are stretched, short ones kept (Llama 3.1).
        case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalPositions: Double)
        /// Interpolation by parts with attention scaling (Peng et al. 2023, arXiv 2309.00071, sections 3.2 and 3.4).
        case yarn(
            factor: Double, fastRotations: Double, slowRotations: Double, originalPositions: Double,
            attentionFactor: Double, truncates: Bool)
    }

    /// The angle per position of each pair, [R/2], in float64.
    public var frequencies: [Double] {
        let plain = stride(from: 0, to: dimCount, by: 2).map { pow(theta, -Double($0) / Double(dimCount)) }
        switch scaling {
        case .none: return plain
        case .linear(let factor): return plain.map { $0 / factor }
        case .llama3(let factor, let low, let high, let original):
            return plain.map { frequency in
                let rotations = original * frequency / (2 * .pi)
                if rotations < low { return frequency / factor }
                if rotations > high { return frequency }
                let share = (rotations - low) / (high - low)
                return (1 - share) * frequency / factor + share * frequency
            }
        case .yarn(let factor, let fast, let slow, let original, _, let truncates):
            // The (real) pair index that turns `rotations` times over the original length.
            func pairIndex(_ rotations: Double) -> Double {
                Double(dimCount) * log(original / (rotations * 2 * .pi)) / (2 * log(theta))
            }
            let (first, last) = (pairIndex(fast), pairIndex(slow))
            let low = max(truncates ? first.rounded(.down) : first, 0)
            var high = min(truncates ? last.rounded(.up) : last, Double(dimCount - 1))
            if low == high { high += 0.001 }
            return plain.enumerated().map { index, frequency in
                let stretched = min(max((Double(index) - low) / (high - low), 0), 1)
                return frequency / factor * stretched + frequency * (1 - stretched)
            }
        }
    }

    /// What cosines and sines are multiplied by.
    private var amplitude: Double {
        if case .yarn(_, _, _, _, let attentionFactor, _) = scaling { return attentionFactor }
        return 1
    }

    /// Cosines and sines of positions 0..<count, [P, R/2] each, computed in float64 and rounded to `dtype`.
    public func tables(count: Int, _ dtype: DType, _ runtime: Runtime) -> (cosine: Tensor, sine: Tensor) {
        let (frequencies, amplitude) = (frequencies, amplitude)
        func table(_ function: (Double) -> Double) -> Tensor {
            let values = (0..<count).flatMap { position in
                frequencies.map { function(Double(position) * $0) * amplitude }
            }
            return runtime.tensor(values, [count, frequencies.count], dtype)
        }
        return (table(cos), table(sin))
    }
}
