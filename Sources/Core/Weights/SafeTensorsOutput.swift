/// One safetensors file being written: its tensors come in any order, and it appears when it is complete.
final class SafeTensorsOutput {
    let layout: SafeTensorsLayout
    private let file: AtomicFile
    private var missing: Set<String>

    init(_ path: String, _ layout: SafeTensorsLayout) throws {
        self.layout = layout
        missing = Set(layout.places.keys)
        file = try AtomicFile(path, expectedByteCount: layout.fileByteCount)
        try layout.header.withUnsafeBytes { try file.write($0, at: 0) }
        for (name, place) in layout.places where place.spec.byteCount == 0 { missing.remove(name) }
    }

    /// Whether every tensor is there.
    var isComplete: Bool { missing.isEmpty }

    /// Writes a part of a tensor's values; `offset` counts bytes from the tensor's start.
    func write(_ name: String, _ bytes: [UInt8], at offset: Int) throws {
        guard let place = layout.places[name] else {
            preconditionFailure("safetensors: '\(name)' was not announced for '\(file.path)'")
        }
        precondition(offset + bytes.count <= place.spec.byteCount, "safetensors: too many bytes for '\(name)'")
        try bytes.withUnsafeBytes { try file.write($0, at: place.start + offset) }
        if offset + bytes.count == place.spec.byteCount { missing.remove(name) }
    }

    func commit() throws {
        precondition(isComplete, "safetensors: '\(file.path)' lacks \(missing.sorted())")
        try file.commit()
    }
}
