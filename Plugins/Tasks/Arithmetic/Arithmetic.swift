internal import DataLoader
internal import JSON
public import PluginAPI
internal import Random

/// Sums and differences of two numbers from 0 to 99: "12 plus 30 is" -> " 42" or " 42.".
///
/// Of a difference the larger number comes first, so that no answer is negative. Half of the answers end with a full
/// stop, so that ending with one is something that a reward can teach. A problem is held out by a hash of its operands
/// and operator alone, so no seed can put it on the other side.
public struct Arithmetic: GeneratedTask {
    /// One of this many problems is held out.
    private static let heldOutShare: UInt64 = 8

    public init(_ config: NoConfig) {}

    /// Every problem of the split once, in an order of the seed, then again in another order, until there are `count`.
    public func lines(_ split: TaskSplit, count: Int, seed: UInt64) -> [String] {
        let problems = Problem.all.filter { $0.isHeldOut == (split == .heldOut) }
        let stops = Philox(seed: seed, stream: "arithmetic/\(split.rawValue)/stops")
        var order = Permutation(count: problems.count, seed: seed, stream: "arithmetic/\(split.rawValue)/0")
        return (0..<count).map { line in
            let (round, place) = line.quotientAndRemainder(dividingBy: problems.count)
            if place == 0, round > 0 {
                let stream = "arithmetic/\(split.rawValue)/\(round)"
                order = Permutation(count: problems.count, seed: seed, stream: stream)
            }
            return problems[order(place)].line(endsWithStop: stops.integer(at: UInt64(line), below: 2) == 1)
        }
    }

    /// Two operands and what is done with them.
    private struct Problem {
        let left: Int
        let right: Int
        let isSum: Bool

        static let all = (0...99).flatMap { left in
            (0...99).flatMap { right in
                [Problem(left: left, right: right, isSum: true)]
                    + (left >= right ? [Problem(left: left, right: right, isSum: false)] : [])
            }
        }

        var prompt: String { "\(left) \(isSum ? "plus" : "minus") \(right) is" }
        var answer: Int { isSum ? left + right : left - right }

        var isHeldOut: Bool {
            // The low bits of FNV-1a alone are weak on texts that differ in one digit.
            let hash = Philox(seed: Philox.hash(prompt), stream: "arithmetic/split")
            return hash.integer(at: 0, below: Arithmetic.heldOutShare) == 0
        }

        func line(endsWithStop: Bool) -> String {
            let completion = " \(answer)" + (endsWithStop ? "." : "")
            return JSONValue.object([
                .init("prompt", .string(prompt)), .init("completion", .string(completion)),
                .init("answer", .string(String(answer))), .init("text", .string(prompt + completion)),
            ]).text
        }
    }
}

/// Registers `arithmetic`.
public struct ArithmeticPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.task("arithmetic", Arithmetic.self) }
}
