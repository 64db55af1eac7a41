/// A decompressed shard in memory, its table of offsets checked once.
///
/// Layout (little-endian): `u32 n`, `u32 offsets[n + 1]`, the writer's configuration, then the samples; a sample is a
/// `u32` size for every column of variable size, then the values.
struct OpenShard: Sendable {
    let buffer: ByteBuffer
    let schema: Schema
    let sampleCount: Int

    /// - Throws: ``Damage`` when the table does not describe the bytes.
    init(_ buffer: ByteBuffer, _ shard: MDSShard) throws {
        self.buffer = buffer
        schema = shard.schema
        sampleCount = shard.sampleCount
        try buffer.withUnsafeBytes { bytes in
            guard bytes.count >= 8 + 4 * shard.sampleCount else {
                throw Damage(problem: "\(bytes.count) bytes are too few for \(shard.sampleCount) samples")
            }
            let found = Int(OpenShard.word(bytes, 0))
            guard found == shard.sampleCount else {
                throw Damage(problem: "it holds \(found) samples, the index says \(shard.sampleCount)")
            }
            var last = 8 + 4 * found
            for place in 0...found {
                let offset = Int(OpenShard.word(bytes, place + 1))
                guard offset >= last && offset <= bytes.count else {
                    throw Damage(problem: "sample \(place) cannot start at byte \(offset) of \(bytes.count)")
                }
                last = offset
            }
            guard last == bytes.count else {
                throw Damage(problem: "its samples end at byte \(last), the file at \(bytes.count)")
            }
        }
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ place: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * place, as: UInt32.self))
    }

    /// The byte ranges of the columns of sample `number`.
    ///
    /// - Throws: ``Damage`` when the sizes do not add up.
    func ranges(ofSample number: Int) throws -> [Range<Int>] {
        try buffer.withUnsafeBytes { bytes in
            let end = Int(OpenShard.word(bytes, number + 2))
            var size = Int(OpenShard.word(bytes, number + 1))
            let variable = schema.encodings.reduce(0) { $0 + ($1.fixedByteCount == nil ? 1 : 0) }
            var value = size + 4 * variable
            guard value <= end else { throw Damage(problem: "the sample is shorter than its head") }
            return try schema.encodings.enumerated().map { place, encoding in
                var count = encoding.fixedByteCount ?? 0
                if encoding.fixedByteCount == nil {
                    count = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: size, as: UInt32.self)))
                    size += 4
                }
                guard count <= end - value else {
                    throw Damage(
                        problem: "column \"\(schema.names[place])\" claims \(count) bytes of \(end - value) left")
                }
                defer { value += count }
                return value..<value + count
            }
        }
    }
}
