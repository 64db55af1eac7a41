public import Foundation

/// A checkpoint on disk, opened for reading.
public final class Checkpoint {
    /// How much is checked when a checkpoint is opened.
    public enum Verification: Sendable {
        /// The manifest, and that every file is there with its size.
        case sizes
        /// All of that, and the hash of every file: reads everything once.
        case hashes
    }

    /// Where the checkpoint lies.
    public let path: String
    public let manifest: CheckpointManifest
    private let entries: [[String]: CheckpointManifest.Entry]
    private var files: [String: SafeTensorsFile] = [:]

    /// Optimizer steps done.
    public var step: Int { manifest.step }

    /// - Throws: `WeightsError` with all missing and damaged files, or `FileError`.
    public init(_ path: String, verifying verification: Verification = .hashes) throws {
        self.path = path
        let manifestPath = path + "/" + CheckpointManifest.fileName
        guard AtomicDirectory.exists(manifestPath) else {
            throw WeightsError(
                "opening the checkpoint '\(path)'",
                ["found no \(CheckpointManifest.fileName), expected it as the last file written"],
                hint: "the checkpoint is incomplete; use an earlier one")
        }
        let manifest = try CheckpointManifest(try ModelDirectory.contents(manifestPath), path: manifestPath)
        var problems: [String] = []
        for file in manifest.files {
            guard let found = FileSize.of(path + "/" + file.name) else {
                problems.append("found no file '\(file.name)'")
                continue
            }
            if found != file.bytes {
                problems.append("'\(file.name)' has \(found) bytes, expected \(file.bytes)")
            } else if verification == .hashes {
                let hash = try FileHash.file(path + "/" + file.name).hex
                if hash != file.xxh64 { problems.append("'\(file.name)' has xxh64 \(hash), expected \(file.xxh64)") }
            }
        }
        guard problems.isEmpty else {
            throw WeightsError(
                "opening the checkpoint '\(path)'", problems, hint: "the checkpoint is damaged; use an earlier one")
        }
        self.manifest = manifest
        entries = Dictionary(manifest.tensors.map { ([$0.kind, $0.name], $0) }) { first, _ in first }
    }

    /// The bytes of a caller's section; nil when the checkpoint has none of this name.
    /// - Throws: `FileError`.
    public func section(_ name: String) throws -> Data? {
        try manifest.sections[name].map { try ModelDirectory.contents(path + "/" + $0) }
    }

    /// Whether a weight or state was saved.
    public func contains(_ name: String, kind: String = CheckpointItem.weight) -> Bool { entries[[kind, name]] != nil }

    /// Fills a tensor, whole or a box of it, from the boxes stored, whatever layout wrote them; casts when needed.
    /// - Parameters:
    ///   - name: the parameter's name.
    ///   - kind: `CheckpointItem.weight`, or the name of an optimizer state.
    ///   - target: the tensor to fill.
    ///   - offset: where the box that `target` holds starts in the global tensor; nil = it is the whole tensor.
    ///   - globalShape: the shape that the whole tensor must have; nil = any in which the box fits.
    /// - Throws: `WeightsError` when the tensor is missing, of another shape, or not covered by what is stored.
    public func restore(
        _ name: String, kind: String = CheckpointItem.weight, into target: Tensor, offset: [Int]? = nil,
        of globalShape: [Int]? = nil
    ) throws {
        let attempt = "restoring \(kind) '\(name)' from '\(path)'"
        guard let entry = entries[[kind, name]] else { throw WeightsError(attempt, ["the checkpoint has none"]) }
        let dims = entry.shape.indices
        let origin = offset ?? [Int](repeating: 0, count: entry.shape.count)
        let fits = offset == nil
            ? target.shape == entry.shape
            : BufferView.boxFits(target.shape, at: origin, in: entry.shape)
        guard fits, globalShape.map({ $0 == entry.shape }) ?? true else {
            let box = offset.map { " at offset \($0)" } ?? ""
            throw WeightsError(attempt, ["found shape \(entry.shape), expected \(globalShape ?? target.shape)\(globalShape == nil ? box : "")"])
        }
        var covered = 0
        for box in entry.boxes {
            let common = dims.map { dim in
                let start = max(origin[dim], box.offset[dim])
                return start..<max(start, min(origin[dim] + target.shape[dim], box.offset[dim] + box.size[dim]))
            }
            let count = common.reduce(1) { $0 * $1.count }
            if count == 0 { continue }
            covered += count
            let view = target.view.box(common.map(\.count), at: dims.map { common[$0].lowerBound - origin[$0] })
            let inside = dims.map { common[$0].lowerBound - box.offset[$0] }
            try open(box.file).read(box.key, into: Tensor(view, target.runtime), offset: inside)
        }
        guard covered == target.elementCount else {
            throw WeightsError(attempt, ["found \(covered) of \(target.elementCount) elements in its boxes"])
        }
    }

    private func open(_ name: String) throws -> SafeTensorsFile {
        if let file = files[name] { return file }
        let file = try SafeTensorsFile(path + "/" + name)
        files[name] = file
        return file
    }
}
