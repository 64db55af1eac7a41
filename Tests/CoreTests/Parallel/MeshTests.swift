import Core
import Testing

@Suite struct MeshTests {
    private static let shape = MeshShape([.pipeline: 2, .tensor: 2, .data: 3, .context: 1])

    @Test func `neighbours differ along the innermost axis`() {
        let shape = Self.shape
        #expect(shape.rankCount == 12 && shape.axes == [.pipeline, .data, .tensor])
        #expect(shape.place(of: 0).values.allSatisfy { $0 == 0 })
        #expect(shape.place(of: 1)[.tensor] == 1)
        #expect(shape.place(of: 9) == [.pipeline: 1, .data: 1, .expert: 0, .context: 0, .tensor: 1])
        #expect(shape.members(along: [.data], with: 9) == [7, 9, 11])
        #expect(shape.members(along: [.pipeline, .tensor], with: 9) == [2, 3, 8, 9])
        #expect(shape.table.split(separator: "\n")[10] == "   9         1     1       1")
    }

    @Test func `a communicator joins the ranks along its axes`() throws {
        let results = try Loopback.run(Self.shape) { mesh in
            func sum(_ communicator: Communicator) throws -> Double { try communicator.sum([Double(mesh.rank)])[0] }
            return [
                try sum(mesh.along(.data)), try sum(mesh.along(.pipeline, .tensor)), try sum(mesh.along(.context)),
                try sum(mesh.world),
            ]
        }
        for (rank, sums) in results.enumerated() {
            func expected(_ axes: Set<MeshAxis>) -> Double {
                Self.shape.members(along: axes, with: rank).reduce(0) { $0 + Double($1) }
            }
            #expect(sums == [expected([.data]), expected([.pipeline, .tensor]), Double(rank), 66])
        }
    }
}
