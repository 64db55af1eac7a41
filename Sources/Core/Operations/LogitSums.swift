// N rows, V vocabulary

/// What a part of the vocabulary says of a row of logits z; parts add up to the whole in any number and order.
///
/// Kept as a tensor [5, N] while blocks of the vocabulary pass. Ranks that each hold a part of the head merge theirs
/// with `merging`: the only exchange that a head divided by vocabulary needs in the forward pass (online softmax:
/// Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018, arXiv 1805.02867, eq. 4).
public struct LogitSums {
    /// The largest logit, at least -3.4e38 so that differences stay numbers.
    public var largest: Symbol
    /// Sum of e^(z - largest).
    public var total: Symbol
    /// Sum of e^(z - largest) (z - largest).
    public var weighted: Symbol
    /// Sum of z.
    public var plain: Symbol
    /// The target's logit in the part that holds the target, 0 in others.
    public var own: Symbol

    /// The five numbers of a part in which nothing was seen yet.
    public static let start: [Double] = [-Double(Float.greatestFiniteMagnitude), 0, 0, 0, 0]

    /// The five rows of a tensor [5, N].
    public static func views(of sums: BufferView) -> [BufferView] {
        start.indices.map { row in
            BufferView(
                buffer: sums.buffer, offset: sums.offset + row * sums.strides[0], shape: [sums.shape[1]],
                strides: [sums.strides[1]], dtype: sums.dtype)
        }
    }

    /// - Parameter rows: the five rows of [5, N], as a program's inputs.
    public init(rows: some Collection<Symbol>) {
        let rows = Array(rows)
        precondition(rows.count == 5, "logit sums: \(rows.count) rows, expected 5")
        (largest, total, weighted, plain, own) = (rows[0], rows[1], rows[2], rows[3], rows[4])
    }

    /// The five rows of [5, N].
    public var rows: [Symbol] { [largest, total, weighted, plain, own] }

    /// Both parts together.
    public func merging(_ other: LogitSums) -> LogitSums {
        let both = maximum(largest, other.largest)
        let (down, otherDown) = (largest - both, other.largest - both)
        let (scale, otherScale) = (down.exp, otherDown.exp)
        return LogitSums(rows: [
            both, total * scale + other.total * otherScale,
            (weighted + down * total) * scale + (other.weighted + otherDown * other.total) * otherScale,
            plain + other.plain, own + other.own,
        ])
    }

    /// From the five rows of each of `parts`: those of all together.
    static func merging(_ parts: Int) -> Program {
        Program(inputs: 5 * parts) { x, _ in
            (1..<parts).reduce(LogitSums(rows: x[0..<5])) { $0.merging(LogitSums(rows: x[5 * $1..<5 * $1 + 5])) }.rows
        }
    }

    /// From inputs of the five rows and the targets: log p(target) (0 for a negative target), log-sum-exp, mean of
    /// log p, entropy.
    static func scores(vocabulary: Int) -> Program {
        Program(inputs: 6) { x, _ in
            let (sums, target) = (LogitSums(rows: x[0..<5]), x[5])
            let zero = target.constant(0)
            let logTotal = sums.total.log
            let logSumExp = sums.largest + logTotal
            return [
                select(target < zero, zero, (sums.own - sums.largest) - logTotal), logSumExp,
                sums.plain / Double(vocabulary) - logSumExp, logTotal - sums.weighted / sums.total,
            ]
        }
    }
}
