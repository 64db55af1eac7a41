import Core
import Testing

// R ranks

@Suite struct GraphCollectiveTests {
    private static let shape = [2, 3, 4]

    /// Whole numbers, so that sums are exact in any order.
    private static func values(_ runtime: Runtime, _ shape: [Int], seed: Int) -> Tensor {
        runtime.tensor((0..<shape.reduce(1, *)).map { Double(($0 * 7 + seed * 13) % 23 - 10) }, shape)
    }

    /// Exchanges are linear: <exchange(x), y> = <x, backward(y)>, where what all ranks have is counted once.
    @Test(arguments: [1, 2, 3], [0, 1, 2])
    func `the backward of an exchange is its adjoint`(ranks: Int, dim: Int) throws {
        typealias Exchange = @Sendable (Graph, Tensor, Communicator) -> Tensor
        var whole = Self.shape
        whole[dim] *= ranks
        /// Whether all ranks have the same x, and whether they have the same result.
        let cases: [(shape: [Int], sharesInput: Bool, sharesResult: Bool, run: Exchange)] = [
            (Self.shape, false, true, { $0.summed($1, over: $2) }),
            (Self.shape, true, false, { $0.shared($1, over: $2) }),
            (Self.shape, false, false, { $0.gathered($1, dim: dim, over: $2) }),
            (whole, false, false, { $0.scattered($1, dim: dim, over: $2) }),
            // Every rank's elements at every R-th place, from its own number on.
            (Self.shape, false, true, { graph, x, ranks in
                let places = (0..<24).map { (place: Int) -> Int32 in Int32(place * ranks.rankCount + ranks.rank) }
                let line = x.reshaped(to: [24])
                return graph.assembled(
                    [line], at: x.runtime.tensor(places, [24]), count: 24 * ranks.rankCount, over: ranks)[0]
            }),
        ]
        for (shape, sharesInput, sharesResult, exchange) in cases {
            let sums = try Loopback.run(ranks: ranks) { mesh in
                func product(_ a: Tensor, _ b: Tensor) -> Double {
                    zip(a.doubles(), b.doubles()).reduce(0) { $0 + $1.0 * $1.1 }
                }
                let graph = Graph(mesh.runtime, recording: true)
                let x = graph.leaf(Self.values(mesh.runtime, shape, seed: sharesInput ? 0 : mesh.rank))
                let result = exchange(graph, x, mesh.world)
                let y = Self.values(mesh.runtime, result.shape, seed: 20 + (sharesResult ? 0 : mesh.rank))
                let forward = product(result, y)
                graph.backward(from: [(result, gradient: y)])
                try mesh.link.check()
                let gradient = try #require(graph.gradient(of: x))
                return [forward, product(x, gradient)]
            }
            let forward = sharesResult ? sums[0][0] : sums.reduce(0) { $0 + $1[0] }
            let backward = sharesInput ? sums[0][1] : sums.reduce(0) { $0 + $1[1] }
            #expect(forward == backward)
            #expect(forward != 0)
        }
    }

    @Test func `parts are put together and taken apart along their dim`() throws {
        let results = try Loopback.run(ranks: 2) { mesh in
            let graph = Graph(mesh.runtime, recording: false)
            let x = mesh.runtime.tensor([1, 2, 3, 4].map { $0 + 10.0 * Double(mesh.rank) }, [2, 2])
            let whole = graph.gathered(x, dim: 1, over: mesh.world)
            #expect(whole.shape == [2, 4])
            return [whole.doubles(), graph.scattered(whole, dim: 1, over: mesh.world).doubles()]
        }
        for (rank, result) in results.enumerated() {
            #expect(result[0] == [1, 2, 11, 12, 3, 4, 13, 14])
            #expect(result[1] == [1, 2, 3, 4].map { 2 * ($0 + 10.0 * Double(rank)) })
        }
    }
}
