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
    /// [B * T] 0 for tokens that only fill a row, else 1; nil = all count
    var counted: [Int32]?
    var rowCount: Int
    var rowLength: Int
    /// Tokens that count, of all context ranks.
    private(set) var tokenCount: Int
    /// [N] the row of the flattened hidden states that predicts each scored position
    var scoredRows: [Int32] = []
    /// [N]
    var targets: [Int32] = []
    /// [N] where these stand among the scored positions of all context ranks; nil = they are all
    var scoredPlaces: [Int32]?
    /// The number of the sequence of each scored position, of all context ranks
    var sequenceIndex: [Int32] = []

    init(_ sequences: [TokenSequence]) {
        let lengths = Set(sequences.map(\.ids.count))
        let isPacked = lengths.count != 1 || sequences.contains { $0.documentStarts.count > 1 }
        rowCount = isPacked ? min(1, sequences.count) : sequences.count
        let total = sequences.reduce(0) { $0 + $1.ids.count }
        rowLength = rowCount == 0 ? 0 : total / rowCount
        tokenCount = total
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

    /// What one rank has of it.
    func part(_ cut: TokenCut) -> BatchLayout {
        let length = cut.paddedLength(rowLength)
        let places = cut.places(inRow: rowLength)
        if places.count == rowLength && length == rowLength { return self }
        var part = self
        part.rowLength = places.count
        func cutRows(_ values: [Int32], added: (_ place: Int) -> Int32) -> [Int32] {
            (0..<rowCount).flatMap { row in
                places.map { $0 < rowLength ? values[row * rowLength + $0] : added($0) }
            }
        }
        part.ids = cutRows(ids) { _ in 0 }
        part.positions = cutRows(positions) { _ in 0 }
        if length > rowLength { part.counted = cutRows(ids.map { _ in 1 }) { _ in 0 } }
        // What is added at the end are documents of one token.
        part.documentStarts = documentStarts.map { cutRows($0) { Int32($0) } }
        let owned = Dictionary(uniqueKeysWithValues: zip(places, 0...))
        let scored = scoredRows.enumerated().compactMap { place, position -> (place: Int32, row: Int32)? in
            let (row, column) = (Int(position) / rowLength, Int(position) % rowLength)
            return owned[column].map { (Int32(place), Int32(row * places.count + $0)) }
        }
        part.scoredRows = scored.map(\.row)
        part.targets = scored.map { targets[Int($0.place)] }
        part.scoredPlaces = scored.map(\.place)
        return part
    }

    /// What the model reads.
    func tokens(_ runtime: Runtime) -> TokenBatch {
        let shape = [rowCount, rowLength]
        return TokenBatch(
            ids: runtime.tensor(ids, shape), positions: runtime.tensor(positions, shape),
            documentStart: documentStarts.map { runtime.tensor($0, shape) },
            counted: counted.map { runtime.tensor($0, shape) }, tokenCount: tokenCount)
    }
}
