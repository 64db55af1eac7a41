import JSON
import DataLoader
import Foundation
import Testing

@Suite("The original's orders")
struct MosaicOrderTests {
    static let golden = try? JSONValue(
        parsing: String(contentsOfFile: SharedData.packageRoot + "/Tests/Reference/mds_orders.json", encoding: .utf8))

    @Test("every shuffle equals the original's, sample for sample")
    func shuffles() throws {
        let cases = try #require(Self.golden?["shuffles"]?.array)
        #expect(cases.count > 80)
        for item in cases {
            let name = try #require(item["algorithm"]?.string)
            let shuffle = MosaicShuffle(
                try #require(MosaicShuffle.Algorithm(rawValue: name)),
                seed: UInt64(try #require(item["seed"]?.integer)),
                canonicalNodeCount: try #require(item["nodes"]?.integer), blockSize: item["block"]?.integer)
            let sizes = try #require(item["sizes"]?.array).compactMap(\.integer)
            let ids = try shuffle.rawOrder(epoch: try #require(item["epoch"]?.integer), of: ShardLayout(sizes: sizes))
            let text = ids.map(String.init).joined(separator: ",")
            let digest = Array(text.utf8).withUnsafeBytes { HashAlgorithm.sha256.digest(of: $0) }
            #expect(
                digest == item["digest"]?.string, "\(name) \(item["nodes"]!) \(ids.prefix(12)) \(item["first"]!.text)")
        }
    }

    @Test("samples are dealt to nodes and ranks as the original deals them")
    func deals() throws {
        let cases = try #require(Self.golden?["deals"]?.array)
        #expect(cases.count >= 9)
        for item in cases {
            func number(_ key: String) throws -> Int { try #require(item[key]?.integer) }
            let dealt = try MosaicPartition.deal(
                sampleCount: number("samples"), canonicalNodeCount: number("canonical"), nodeCount: number("nodes"),
                ranksPerNode: number("ranks"), batchSize: number("batch"), dropFirst: number("drop"))
            let expected = item["ids"]?.array?.map { $0.array!.map { $0.array!.map { $0.integer! } } }
            #expect(dealt.map { $0.map { $0.map { $0 ?? -1 } } } == expected, "\(item.text.prefix(120))")
        }
    }
}
