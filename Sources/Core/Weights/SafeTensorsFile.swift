/// A safetensors file, mapped: tensors are read one at a time, or used in place.
///
/// The header is checked as a whole when the file is opened; values are looked at when they are read. A file that
/// another process cuts short while it is mapped ends the process (SIGBUS), as with every mapped file; writers of this
/// module replace files instead. Format: https://github.com/huggingface/safetensors.
public final class SafeTensorsFile {
    /// Where the file lies.
    public let path: String
    /// The header's `__metadata__`.
    public let metadata: [String: String]
    /// Names in the order of their bytes.
    public let tensorNames: [String]
    private let entries: [String: SafeTensorsHeader.Entry]
    private let mapping: FileMapping

    /// Rows are converted in pieces of about this many bytes.
    private static let pieceBytes = 1 << 26

    /// Opens and checks a file.
    /// - Throws: `FileError` when it cannot be opened, `WeightsError` with all problems of its header.
    public init(_ path: String) throws {
        self.path = path
        mapping = try FileMapping(path)
        let header = try SafeTensorsHeader(mapping.bytes, path: path)
        metadata = header.metadata
        tensorNames = header.entries.map(\.name)
        entries = Dictionary(header.entries.map { ($0.name, $0) }) { first, _ in first }
    }

    /// Whether the file holds a tensor of this name.
    public func contains(_ name: String) -> Bool { entries[name] != nil }

    /// The shape of a tensor.
    /// - Throws: `WeightsError` when there is none of this name.
    public func shape(of name: String) throws -> [Int] { try entry(name).shape }

    /// The stored element type of a tensor.
    /// - Throws: `WeightsError` when there is none of this name.
    public func dtype(of name: String) throws -> StoredType { try entry(name).type }

    /// Reads a tensor into an existing one, casting to its element type.
    /// - Parameters:
    ///   - name: the tensor in the file.
    ///   - target: any layout; of the stored tensor's shape, unless `offset` is given.
    ///   - offset: where the box that `target` holds starts in the stored tensor; nil = the whole tensor is read.
    /// - Throws: `WeightsError` naming file, tensor, found and expected shape or type.
    public func read(_ name: String, into target: Tensor, offset: [Int]? = nil) throws {
        let entry = try entry(name)
        let dtype = try readableType(entry)
        let origin = offset ?? [Int](repeating: 0, count: entry.shape.count)
        let fits = offset == nil
            ? target.shape == entry.shape
            : BufferView.boxFits(target.shape, at: origin, in: entry.shape)
        guard fits else {
            let box = offset.map { " at offset \($0)" } ?? ""
            throw WeightsError(
                "reading tensor '\(name)' of '\(path)'",
                ["found shape \(entry.shape), expected \(target.shape)\(box)"])
        }
        if target.elementCount == 0 { return }
        // The values are in `target` from then on, so the file's pages need not stay.
        defer { mapping.release(entry.range) }
        if let whole = mapped(entry, dtype, target.runtime) {
            target.runtime.run(.copy(from: whole.box(target.shape, at: origin), to: target.view))
            return
        }
        readInPieces(entry, dtype, into: target, origin: origin)
    }

    /// A tensor that uses the file's bytes in place, without a copy; the file stays mapped as long as the tensor lives.
    ///
    /// The memory is read-only: writing to the tensor ends the process.
    /// - Parameters:
    ///   - name: the tensor in the file.
    ///   - runtime: what computes with it.
    ///   - dtype: the element type wanted; nil = the stored one.
    /// - Returns: nil when that is impossible: the backend has memory of its own, the type differs (F16 is always
    ///   converted), or the bytes are not aligned to the element size; then use `read`.
    /// - Throws: `WeightsError` when there is no such tensor, or none that can be read.
    public func mapped(_ name: String, _ runtime: Runtime, dtype: DType? = nil) throws -> Tensor? {
        let entry = try entry(name)
        let stored = try readableType(entry)
        if let dtype, dtype != stored { return nil }
        return mapped(entry, stored, runtime).map { Tensor($0, runtime) }
    }

    private func mapped(_ entry: SafeTensorsHeader.Entry, _ dtype: DType, _ runtime: Runtime) -> BufferView? {
        guard runtime.backend.capabilities.usesHostMemory, entry.type == StoredType(dtype),
            let start = mapping.bytes.baseAddress.map({ $0 + entry.range.lowerBound }),
            Int(bitPattern: start) % dtype.byteCount == 0
        else { return nil }
        let buffer = Buffer(
            address: UnsafeMutableRawPointer(mutating: start), byteCount: entry.range.count
        ) { [mapping] _ in withExtendedLifetime(mapping) {} }
        return BufferView(buffer: buffer, shape: entry.shape, dtype: dtype)
    }

    /// Uploads whole rows (of the first dim) piece by piece and copies the wanted part of each.
    private func readInPieces(_ entry: SafeTensorsHeader.Entry, _ dtype: DType, into target: Tensor, origin: [Int]) {
        // A tensor of no dims is one row of one element.
        let shape = entry.shape.isEmpty ? [1] : entry.shape
        let origin = entry.shape.isEmpty ? [0] : origin
        let output = entry.shape.isEmpty ? target.view.reshaped(to: [1]) : target.view
        let rowBytes = entry.range.count / shape[0]
        let rowsPerPiece = max(1, Self.pieceBytes / rowBytes)
        for first in stride(from: 0, to: output.shape[0], by: rowsPerPiece) {
            let rows = first..<min(first + rowsPerPiece, output.shape[0])
            let begin = entry.range.lowerBound + (origin[0] + rows.lowerBound) * rowBytes
            let bytes = UnsafeRawBufferPointer(rebasing: mapping.bytes[begin..<begin + rows.count * rowBytes])
            let piece = target.runtime.empty([rows.count] + shape.dropFirst(), dtype)
            if entry.type.name == "F16" {
                let values = (0..<bytes.count / 2).map { index in
                    let bits = bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
                    return Float(Float16(bitPattern: UInt16(littleEndian: bits)))
                }
                values.withUnsafeBytes { target.runtime.backend.copy(.toDevice($0, piece.view)) }
            } else {
                target.runtime.backend.copy(.toDevice(bytes, piece.view))
            }
            let part = piece.view.box([rows.count] + output.shape.dropFirst(), at: [0] + origin.dropFirst())
            target.runtime.run(.copy(from: part, to: output.sliced(dim: 0, rows)))
        }
    }

    private func entry(_ name: String) throws -> SafeTensorsHeader.Entry {
        if let entry = entries[name] { return entry }
        throw WeightsError("reading '\(path)'", ["found no tensor '\(name)' among \(entries.count)"])
    }

    private func readableType(_ entry: SafeTensorsHeader.Entry) throws -> DType {
        if let dtype = entry.type.dtype { return dtype }
        throw WeightsError(
            "reading tensor '\(entry.name)' of '\(path)'",
            ["found element type \(entry.type), expected one of \(StoredType.readable.joined(separator: ", "))"])
    }
}
