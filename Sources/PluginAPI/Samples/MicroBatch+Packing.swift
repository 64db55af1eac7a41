extension MicroBatch {
    /// Examples whose sequences share rows: each row holds whole sequences, as many as fit `length` tokens, and a
    /// micro-batch holds `size` rows. Attention never crosses sequences and positions restart (`documentStarts`).
    ///
    /// Best-fit decreasing: the longest sequence first, each into the fullest row that has room (Ding et al., "Fewer
    /// Truncations Improve Language Modeling", 2024, arXiv 2404.10830, section 3.2). Ties go by the order of the
    /// examples, so the rows are a function of the examples alone.
    /// - Parameters:
    ///   - length: tokens of a row; no sequence may be longer.
    ///   - size: rows of a micro-batch.
    ///   - term: the loss term that weighs the trained tokens.
    public static func packed(_ examples: [Example], length: Int, size: Int, term: String) -> [MicroBatch] {
        var rows: [PackedRow] = []
        let all = examples.flatMap { example in example.sequences.map { (sequence: $0, id: example.sampleID) } }
        for (sequence, id) in all.enumerated().sorted(by: {
            ($1.element.sequence.ids.count, $0.offset) < ($0.element.sequence.ids.count, $1.offset)
        }).map(\.element) {
            precondition(sequence.ids.count <= length, "packing: \(id) has \(sequence.ids.count) tokens, rows have \(length)")
            let roomy = rows.indices.filter { rows[$0].sequence.ids.count + sequence.ids.count <= length }
            if let fullest = roomy.max(by: { rows[$0].sequence.ids.count < rows[$1].sequence.ids.count }) {
                rows[fullest].append(sequence, id)
            } else {
                rows.append(PackedRow(sequence: sequence, sampleIDs: [id]))
            }
        }
        return stride(from: 0, to: rows.count, by: size).map { start in
            let group = rows[start..<min(start + size, rows.count)]
            let trained = group.reduce(0) { $0 + $1.sequence.trainedCount }
            return MicroBatch(
                sequences: group.map(\.sequence), weights: [term: Double(trained)],
                sampleIDs: group.flatMap(\.sampleIDs))
        }
    }
}

/// Sequences laid end to end, and the samples that they come from.
private struct PackedRow {
    var sequence: TokenSequence
    var sampleIDs: [String]

    mutating func append(_ next: TokenSequence, _ id: String) {
        let offset = sequence.ids.count
        sequence.ids += next.ids
        sequence.trained += next.trained
        sequence.documentStarts += next.documentStarts.map { $0 + offset }
        sampleIDs.append(id)
    }
}
