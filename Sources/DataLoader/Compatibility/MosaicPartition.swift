/// How MosaicML Streaming deals an epoch to nodes and ranks (its `orig` algorithm, with one worker a rank).
///
/// Numbers below are positions in the shuffled order of the epoch (``MosaicShuffle/rawOrder(epoch:of:)``).
public enum MosaicPartition {
    /// The positions of every rank, `[node][rank][...]`, in the order in which the rank reads them.
    ///
    /// Short rows of canonical nodes repeat their last sample; missing places of ranks repeat earlier samples; the
    /// places that remain to fill the last batch are nil.
    ///
    /// - Parameters:
    ///   - sampleCount: samples of the epoch.
    ///   - canonicalNodeCount: `num_canonical_nodes`.
    ///   - nodeCount: physical nodes; it must divide `canonicalNodeCount`, or the reverse.
    ///   - ranksPerNode: ranks of a node.
    ///   - batchSize: samples of a batch of one rank.
    ///   - dropFirst: samples of the epoch that were consumed before.
    /// - Throws: ``DataError`` when the numbers of nodes do not divide each other.
    public static func deal(
        sampleCount: Int, canonicalNodeCount: Int, nodeCount: Int, ranksPerNode: Int, batchSize: Int, dropFirst: Int = 0
    ) throws -> [[[Int?]]] {
        guard canonicalNodeCount % nodeCount == 0 || nodeCount % canonicalNodeCount == 0 else {
            throw DataError(
                "cannot deal samples to \(nodeCount) nodes: \(canonicalNodeCount) canonical nodes neither divide it "
                    + "nor are divided by it", hint: "choose numbers of which one divides the other")
        }
        let order = interleaved(
            sampleCount: sampleCount, canonicalNodeCount: canonicalNodeCount, nodeCount: nodeCount)
        let rest = order.dropFirst(dropFirst - dropFirst % nodeCount)
        return (0..<nodeCount).map { node in
            var ids = stride(from: rest.startIndex + node, to: rest.endIndex, by: nodeCount).map { rest[$0] }
            let missing = (ranksPerNode - ids.count % ranksPerNode) % ranksPerNode
            ids += filling(ids, missing, ranksPerNode)
            return (0..<ranksPerNode).map { rank in
                var own = stride(from: rank, to: ids.count, by: ranksPerNode).map { Optional(ids[$0]) }
                own += [Int?](repeating: nil, count: (batchSize - own.count % batchSize) % batchSize)
                return own
            }
        }
    }

    /// Repeats that bring a node's samples to a multiple of its ranks, far enough back to differ from the last ones.
    private static func filling(_ ids: [Int], _ missing: Int, _ ranksPerNode: Int) -> [Int] {
        guard missing > 0, !ids.isEmpty else { return [] }
        if ranksPerNode + missing - 1 <= ids.count {
            let start = ids.count - ranksPerNode - missing + 1
            return Array(ids[start..<start + missing])
        }
        return (0..<missing).map { ids[$0 % ids.count] }
    }

    /// One row of positions a canonical node, padded to equal length, read column by column.
    static func interleaved(sampleCount: Int, canonicalNodeCount nodes: Int, nodeCount: Int) -> [Int] {
        let length = (sampleCount + nodes - 1) / nodes
        let ratio = nodes < nodeCount ? nodeCount / nodes : 0
        let padding = ratio > 0 ? (ratio - length % ratio) % ratio : 0
        let width = length + padding
        guard sampleCount > nodes || (sampleCount == nodes && nodes >= nodeCount) else {
            // Fewer samples than nodes: repeat all of them until the table is full.
            return column(nodes, width) { row, place in (row * width + place) % sampleCount }
        }
        return column(nodes, width) { row, place in
            let start = row * sampleCount / nodes
            let isShort = (row + 1) * sampleCount / nodes - start < length
            // Padding repeats the samples `ratio - 1 + padding` places before.
            var place = place >= length ? place - padding - ratio + 1 : place
            if isShort && place == length - 1 { place -= 1 }
            return start + place
        }
    }

    private static func column(_ rows: Int, _ width: Int, _ value: (Int, Int) -> Int) -> [Int] {
        var result: [Int] = []
        result.reserveCapacity(rows * width)
        for place in 0..<width { for row in 0..<rows { result.append(value(row, place)) } }
        return result
    }
}
