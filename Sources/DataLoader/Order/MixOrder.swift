internal import Random

/// Which source, and which of its samples, stands at a position of a weighted mix: a function of the position alone.
///
/// Draw j of source k is due at (j + u) / w, where w is the source's share and u in [0, 1) is random for (k, j): the
/// mix is the draws of all sources in the order in which they are due. So after any number of samples every source
/// is within two draws of its share, and no draw needs the ones before it (jittered stratified sampling: Cook,
/// "Stochastic sampling in computer graphics", ACM TOG 5(1), 1986).
struct MixOrder: Sendable {
    /// One sample of the mix: position `position` of source `source`.
    struct Draw: Sendable, Equatable {
        var source: Int
        var position: Int
    }

    private let shares: [Double]
    private let jitter: [Philox]

    /// - Parameters:
    ///   - weights: positive, of any sum.
    ///   - seed: the seed of the order.
    init(weights: [Double], seed: UInt64) {
        let total = weights.reduce(0, +)
        shares = weights.map { $0 / total }
        jitter = weights.indices.map { Philox(seed: seed, stream: "mix/\($0)") }
    }

    /// The draws at `positions`.
    func draws(at positions: Range<Int>) -> [Draw] {
        // Every source is less than one draw off its share, so this much around the range holds all of its draws.
        let slack = Double(shares.count + 1)
        let from = max(0, Double(positions.lowerBound) - slack)
        let to = Double(positions.upperBound) + slack
        var before = 0
        var due: [(time: Double, draw: Draw)] = []
        for source in shares.indices {
            var number = count(source, before: from)
            before += number
            while case let time = time(source, number), time < to {
                due.append((time, Draw(source: source, position: number)))
                number += 1
            }
        }
        due.sort { ($0.time, $0.draw.source) < ($1.time, $1.draw.source) }
        let first = positions.lowerBound - before
        return due[first..<first + positions.count].map(\.draw)
    }

    private func time(_ source: Int, _ number: Int) -> Double {
        (Double(number) + jitter[source].uniform(at: UInt64(number))) / shares[source]
    }

    /// How many draws of `source` are due before `moment`.
    private func count(_ source: Int, before moment: Double) -> Int {
        var number = max(0, Int(moment * shares[source]) - 1)
        while time(source, number) < moment { number += 1 }
        return number
    }
}
