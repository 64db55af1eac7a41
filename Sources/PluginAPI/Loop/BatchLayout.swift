// B rows, T tokens of a row, N scored positions

internal import Core

/// How the sequences of a micro-batch lie in the model's [B, T] input, and where the scored positions are.
///
/// Sequences of one length become rows; others are laid end to end in one row, kept apart by `documentStarts`, so that
/// nothing is padded. A pure function of the sequences.
struct BatchLayout {
    /// [B * T]
    var ids: [Int32] = []
    /// [B * T] position in the document
    var positions: [Int32] = []
    /// [B * T] first index of the token's document in its row; nil when every row is one document
    var documentStarts: [Int32]?
    var rowCount: Int
    var rowLength: Int
    /// [N] the row of the flattened hidden states that predicts each scored position
    var scoredRows: [Int32] = []
    /// [N]
    var targets: [Int32] = []
    /// [N] the number of the sequence
    var sequenceIndex: [Int32] = []

    init(_ sequences: [TokenSequence]) {
        let lengths = Set(sequences.map(\.ids.count))
        let isPacked = lengths.count != 1 || sequences.contains { $0.documentStarts.count > 1 }
        rowCount = isPacked ? min(1, sequences.count) : sequences.count
        let total = sequences.reduce(0) { $0 + $1.ids.count }
        rowLength = rowCount == 0 ? 0 : total / rowCount
        var starts: [Int32] = []
        for (number, sequence) in sequences.enumerated() {
            let base = ids.count
            let rowStart = isPacked ? 0 : base
            var documents = sequence.documentStarts[...]
            var document = 0
            for (index, id) in sequence.ids.enumerated() {
                while let next = documents.first, next <= index { document = documents.removeFirst() }
                positions.append(Int32(index - document))
                starts.append(Int32(base - rowStart + document))
                if sequence.trained[index], index > document {
                    scoredRows.append(Int32(base + index - 1))
                    targets.append(id)
                    sequenceIndex.append(Int32(number))
                }
            }
            ids.append(contentsOf: sequence.ids)
        }
        documentStarts = isPacked ? starts : nil
    }

    /// What the model reads.
    func tokens(_ runtime: Runtime) -> TokenBatch {
        let shape = [rowCount, rowLength]
        return TokenBatch(
            ids: runtime.tensor(ids, shape), positions: runtime.tensor(positions, shape),
            documentStart: documentStarts.map { runtime.tensor($0, shape) })
    }
}
