public import DataLoader

extension MicroBatch {
    /// Examples whose sequences share rows of up to `length` tokens. Attention never crosses sequences and positions
    /// restart (`documentStarts`). Nothing is carried from one optimizer step to the next.
    /// - Parameters:
    ///   - length: tokens of a row.
    ///   - size: rows of a micro-batch.
    ///   - term: the loss term that weighs the trained tokens.
    ///   - strategy: `split` cuts sequences that do not fit; the others keep them whole.
    /// - Throws: `DataError` for a sequence longer than a row, unless it may be cut.
    public static func packed(
        _ examples: [Example], length: Int, size: Int, term: String, _ strategy: Packer.Strategy
    ) throws -> [MicroBatch] {
        var packer = Packer(length: length, strategy: strategy, openLimit: max(1, examples.count))
        var rows: [PackedSequence] = []
        for example in examples {
            for sequence in example.sequences {
                let labels = zip(sequence.ids, sequence.trained).map { $1 ? $0 : -100 }
                rows += try packer.add(Document(tokens: sequence.ids, labels: labels, id: example.sampleID))
            }
        }
        rows += packer.finish()
        return stride(from: 0, to: rows.count, by: size).map { start in
            let group = rows[start..<min(start + size, rows.count)]
            let sequences = group.map(TokenSequence.init)
            let trained = sequences.reduce(0) { $0 + $1.trainedCount }
            return MicroBatch(
                sequences: sequences, weights: [term: Double(trained)], sampleIDs: group.flatMap(\.documents))
        }
    }
}

extension TokenSequence {
    /// The row without its padding.
    fileprivate init(_ row: PackedSequence) {
        let count = row.segments.firstIndex(of: -1) ?? row.tokens.count
        let starts = (0..<count).filter { $0 == 0 || row.segments[$0] != row.segments[$0 - 1] }
        self.init(
            ids: Array(row.tokens[..<count]), trained: row.labels[..<count].map { $0 != -100 }, documentStarts: starts)
    }
}
