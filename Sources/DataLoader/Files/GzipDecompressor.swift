/// gzip, one member or several.
final class GzipDecompressor: Decompressor {
    private let output: UnsafeMutableRawBufferPointer
    private let inflater: Inflater
    private(set) var produced = 0

    init(into output: UnsafeMutableRawBufferPointer) throws {
        self.output = output
        inflater = try Inflater()
    }

    var isComplete: Bool { inflater.isComplete }

    func update(_ input: UnsafeRawBufferPointer) throws {
        try inflater.update(input) { piece in
            guard piece.count <= output.count - produced else {
                throw Damage(problem: "it holds more than the \(output.count) bytes that the index gives")
            }
            UnsafeMutableRawBufferPointer(rebasing: output[produced...]).copyMemory(from: piece)
            produced += piece.count
        }
    }
}
