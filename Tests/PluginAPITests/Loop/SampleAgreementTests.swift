import Core
import DataLoader
import PluginAPI
import Testing

@Suite struct SampleAgreementTests {
    private static func sample(_ text: String, origin: String) -> Sample {
        let bytes = Array(text.utf8)
        return Sample(
            schema: Schema(names: ["text"], encodings: [.string]), buffer: ByteBuffer(bytes), ranges: [0..<bytes.count],
            origin: origin, index: 1)
    }

    /// Ranks that go through steps, each reading what `text` says.
    private static func run(
        _ shape: MeshShape, steps: [Int], sharesData: Bool = false, _ text: @escaping @Sendable (_ rank: Int, _ step: Int) -> String
    ) throws -> String? {
        do {
            _ = try Loopback.run(shape) { mesh in
                var agreement = SampleAgreement()
                for step in steps {
                    let samples = [sample(text(mesh.rank, step), origin: "machine \(mesh.rank)"), sample("b", origin: "x")]
                    try agreement.check(samples, step: step, mesh, sharesData: sharesData)
                }
            }
            return nil
        } catch let error as SamplesDiffer { return "\(error)" }
    }

    private static let shape = MeshShape([.data: 2, .tensor: 2, .pipeline: 2])

    @Test func `ranks that share samples agree, wherever they read them, and data ranks read others`() throws {
        // Ranks in order of pipeline, data, tensor.
        let text = try Self.run(Self.shape, steps: Array(1...130)) { rank, step in "\(step) of \(rank / 2 % 2)" }
        #expect(text == nil)
    }

    @Test func `ranks that read others than those they share the work with are named`() throws {
        let text = try Self.run(Self.shape, steps: [1]) { rank, _ in rank == 3 || rank == 7 ? "other" : "\(rank / 2 % 2)" }
        #expect(
            text == """
                samples of step 1: ranks 3 and 7 read others than rank 2, with which they share the work on them
                    fix: give all machines the same data files; a loader may depend on nothing but its settings, the seed and \
                the position
                """)
        let alone = try Self.run(MeshShape([.context: 3]), steps: [1]) { rank, _ in rank == 1 ? "other" : "a" }
        #expect(alone?.hasPrefix("samples of step 1: rank 1 read others than rank 0, with which it shares") == true)
    }

    @Test(arguments: [1, 40])
    func `they are compared at the first step of a run and every 64th from there`(first: Int) throws {
        let steps = Array(first..<first + 100)
        for wrong in [first, first + 64] {
            let text = try Self.run(MeshShape([.tensor: 2]), steps: steps) { rank, step in
                step == wrong && rank == 1 ? "other" : "a"
            }
            #expect(text?.hasPrefix("samples of step \(wrong): rank 1 ") == true)
        }
        let unseen = try Self.run(MeshShape([.tensor: 2]), steps: steps) { rank, step in
            step == first + 1 && rank == 1 ? "other" : "a"
        }
        #expect(unseen == nil)
    }

    @Test func `data ranks are compared too where all of them read everything`() throws {
        let text = try Self.run(MeshShape([.data: 2]), steps: [1], sharesData: true) { rank, _ in "\(rank)" }
        #expect(text?.hasPrefix("samples of step 1: rank 1 read others than rank 0") == true)
    }
}
