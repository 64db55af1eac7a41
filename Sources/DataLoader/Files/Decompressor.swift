/// Decompresses a file that arrives in pieces into a buffer of known size.
///
/// The pieces need not be kept, so a shard costs its decompressed size and nothing more.
protocol Decompressor: AnyObject {
    /// Consumes `input`; the output lands in the buffer that the decompressor was made with.
    func update(_ input: UnsafeRawBufferPointer) throws
    /// The number of bytes written so far.
    var produced: Int { get }
    /// Whether the compressed data ended where they should.
    var isComplete: Bool { get }
}

/// What a decompressor found wrong; the caller adds the file.
struct Damage: Error {
    let problem: String
}

/// Plain copying, for raw files.
final class Copier: Decompressor {
    private let output: UnsafeMutableRawBufferPointer
    private(set) var produced = 0

    init(into output: UnsafeMutableRawBufferPointer) { self.output = output }

    var isComplete: Bool { true }

    func update(_ input: UnsafeRawBufferPointer) throws {
        guard input.count <= output.count - produced else {
            throw Damage(problem: "it is longer than the \(output.count) bytes that the index gives")
        }
        UnsafeMutableRawBufferPointer(rebasing: output[produced...]).copyMemory(from: input)
        produced += input.count
    }
}
