import ArgumentParser
import DataLoader
import PluginAPI

/// `forktail data order`: the sample ids of an epoch in the order in which they are read.
struct DataOrderCommand: ResultCommand {
    static let configuration = CommandConfiguration(
        commandName: "order", abstract: "Print sample ids in the order in which an epoch reads them.",
        discussion: """
            One rank: one id a line. Several: one line a rank, node by node, with the ids in the order in which this rank \
            reads them. Places that only fill up the last batch are left out.
            Orders: feistel (the default of training), none, and those of MosaicML Streaming: py1e, py1br, py1s, py2s, \
            naive, mosaic-none.
            """)

    @Argument(help: "The directory that holds index.json.")
    var directory: String

    @Option(help: "The epoch, counted from 0.")
    var epoch = 0

    @Option(help: "The seed of the order.")
    var seed: UInt64 = 42

    @Option(help: "The order's name.")
    var shuffle = "feistel"

    @Option(name: .customLong("batch-size"), help: "Samples of a batch of one rank.")
    var batchSize = 1

    @Option(help: "Nodes.")
    var nodes = 1

    @Option(help: "Ranks of a node.")
    var ranks = 1

    @Option(
        name: .customLong("canonical-nodes"),
        help: "MosaicML's num_canonical_nodes (default: the nodes; 64 times as many for py1s and py2s).")
    var canonicalNodes: Int?

    @Option(name: .customLong("shuffle-block-size"), help: "Samples that are mixed with each other.")
    var blockSize: Int?

    @Flag(help: "Print the order before it is dealt to nodes and ranks.")
    var raw = false

    func run(to output: ResultOutput) throws {
        let order = try orderName()
        let data = try MDSDataset(directory: directory)
        switch order {
        case .mosaic(let algorithm): try writeMosaic(algorithm, data.layout, to: output)
        case .none: try writeOwn(SequentialShuffle(), data.layout, to: output)
        case .feistel: try writeOwn(BlockShuffle(seed: seed, blockSize: blockSize), data.layout, to: output)
        }
    }

    private enum Order {
        case none, feistel, mosaic(MosaicShuffle.Algorithm)

        static let named: [(name: String, order: Order)] =
            [("feistel", .feistel), ("none", .none)]
            + MosaicShuffle.Algorithm.allCases.map { ($0 == .none ? "mosaic-none" : $0.rawValue, .mosaic($0)) }
    }

    /// Checks all options.
    private func orderName() throws -> Order {
        var problems: [InputProblem] = []
        let counts = [("--batch-size", batchSize), ("--nodes", nodes), ("--ranks", ranks)]
            + (canonicalNodes.map { [("--canonical-nodes", $0)] } ?? [])
        for (option, value) in counts where value < 1 || value > 1 << 20 {
            problems.append(InputProblem(option, "found \(value), expected 1 to \(1 << 20)"))
        }
        if epoch < 0 { problems.append(InputProblem("--epoch", "found \(epoch), expected 0 or more")) }
        let order = Order.named.first { $0.name == shuffle }?.order
        if order == nil {
            let names = Order.named.map(\.name)
            let near = NearestName.of(shuffle, in: names).map { "did you mean '\($0)'? " } ?? ""
            problems.append(
                InputProblem("--shuffle", "found '\(shuffle)'; \(near)known: \(names.joined(separator: ", "))"))
        }
        var least = 1
        if case .mosaic = order { least = 4 }
        if let blockSize, blockSize < least {
            problems.append(InputProblem("--shuffle-block-size", "found \(blockSize), expected \(least) or more"))
        }
        guard problems.isEmpty, let order else { throw InputError(problems) }
        if case .mosaic = order { return order }
        if canonicalNodes != nil { StandardError.write("--canonical-nodes has no effect on the order '\(shuffle)'") }
        return order
    }

    private func writeMosaic(
        _ algorithm: MosaicShuffle.Algorithm, _ layout: ShardLayout, to output: ResultOutput
    ) throws {
        let spread = algorithm == .py1s || algorithm == .py2s ? 64 : 1
        let canonical = canonicalNodes ?? spread * nodes
        let ids = try MosaicShuffle(algorithm, seed: seed, canonicalNodeCount: canonical, blockSize: blockSize)
            .rawOrder(epoch: epoch, of: layout)
        if raw { return try ids.forEach { try output.line(String($0)) } }
        let dealt = try MosaicPartition.deal(
            sampleCount: ids.count, canonicalNodeCount: canonical, nodeCount: nodes, ranksPerNode: ranks,
            batchSize: batchSize)
        for places in dealt.joined() { try write(places.lazy.compactMap { $0.map { ids[$0] } }, to: output) }
    }

    /// Every global batch is dealt in equal parts, rank by rank (``Loader``).
    private func writeOwn(_ shuffle: some Shuffle, _ layout: ShardLayout, to output: ResultOutput) throws {
        let order = try shuffle.order(epoch: epoch, of: layout)
        let rankCount = raw ? 1 : nodes * ranks
        for rank in 0..<rankCount {
            let starts = stride(from: rank * batchSize, to: order.count, by: rankCount * batchSize)
            let places = starts.lazy.flatMap { start in (start..<min(start + batchSize, order.count)).lazy }
            try write(places.map { order.index(at: $0) }, to: output)
        }
    }

    private func write(_ ids: some Sequence<Int>, to output: ResultOutput) throws {
        guard !raw, nodes * ranks > 1 else { return try ids.forEach { try output.line(String($0)) } }
        var separator = ""
        for id in ids {
            try output.write(separator + String(id))
            separator = " "
        }
        try output.line("")
    }
}
