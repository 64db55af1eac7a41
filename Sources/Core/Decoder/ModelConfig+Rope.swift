internal import Foundation

extension ModelConfig.Reader {
    /// The rotary embedding of a config: `rope_theta` and `rope_scaling`, or newer files' `rope_parameters`.
    /// - Parameters:
    ///   - headSize: dims of a head, of which `partial_rotary_factor` may rotate a part.
    ///   - theta: the family's default base.
    public func rope(headSize: Int, theta: Double) -> Rope {
        let parameters = object("rope_parameters")
        let share = (parameters ?? self).number("partial_rotary_factor", default: 1)
        let dimCount = Int((Double(headSize) * share).rounded(.down))
        if dimCount % 2 != 0 || dimCount < 2 { problem("a head rotates \(dimCount) dims, expected an even number") }
        let base = number("rope_theta", default: theta)
        return Rope(
            theta: parameters?.number("rope_theta", default: base) ?? base, dimCount: dimCount,
            scaling: (parameters ?? object("rope_scaling"))?.ropeScaling(outer: self) ?? .none)
    }

    /// The scaling that this object describes.
    private func ropeScaling(outer: ModelConfig.Reader) -> Rope.Scaling {
        let type = string("rope_type", default: string("type", default: "default"))
        func originalPositions() -> Double {
            let key = "original_max_position_embeddings"
            return number(key, default: outer.number(key, default: outer.number("max_position_embeddings")))
        }
        switch type {
        case "default": return .none
        case "linear": return .linear(factor: number("factor"))
        case "llama3":
            return .llama3(
                factor: number("factor"), lowFrequency: number("low_freq_factor"),
                highFrequency: number("high_freq_factor"), originalPositions: originalPositions())
        case "yarn":
            let factor = number("factor")
            func strength(_ weight: Double) -> Double { factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1 }
            let implied = has("mscale") && has("mscale_all_dim")
                ? strength(number("mscale")) / strength(number("mscale_all_dim")) : strength(1)
            return .yarn(
                factor: factor, fastRotations: number("beta_fast", default: 32),
                slowRotations: number("beta_slow", default: 1), originalPositions: originalPositions(),
                attentionFactor: number("attention_factor", default: implied),
                truncates: flag("truncate", default: true))
        default:
            problem("rope type is \"\(type)\", supported are default, linear, llama3, yarn")
            return .none
        }
    }
}
