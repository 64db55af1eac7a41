import Host
import Testing

@Suite struct RankCoresTests {
    /// Two packages of two cores of two threads, numbered as Linux does: second threads come after all first ones.
    private static let machine = (0..<8).map { RankCores.Processor($0, package: $0 % 4 / 2, core: $0 % 2) }

    @Test func `both threads of a core belong to one rank, and neighbours to one package`() {
        #expect((0..<2).map { RankCores.share(of: Self.machine, rank: $0, rankCount: 2) } == [[0, 4, 1, 5], [2, 6, 3, 7]])
        #expect(
            (0..<4).map { RankCores.share(of: Self.machine, rank: $0, rankCount: 4) } == [[0, 4], [1, 5], [2, 6], [3, 7]])
    }

    @Test(arguments: 1...9)
    func `every processor is one rank's, and no rank has none unless there are too few`(ranks: Int) {
        let shares = (0..<ranks).map { RankCores.share(of: Self.machine, rank: $0, rankCount: ranks) }
        if ranks > 8 {
            #expect(shares.allSatisfy { $0.isEmpty })
        } else {
            #expect(shares.flatMap(\.self).sorted() == Array(0..<8))
            #expect(shares.allSatisfy { !$0.isEmpty })
        }
    }
}
