internal import Foundation

/// Writes tensors one at a time to `model.safetensors`, or to shards with Hugging Face's index when they are many.
///
/// No file appears under its name before `finish`; a writer that is released without it leaves nothing behind. Peak
/// memory is one piece of a tensor (16 MiB).
public final class SafeTensorsWriter {
    /// The shard size at which Hugging Face's own writer splits.
    public static let defaultShardBytes = 5_000_000_000

    private let directory: String
    private let outputs: [SafeTensorsOutput]
    private let shardNames: [String]
    /// The shard of each tensor.
    private let shards: [String: Int]
    private let totalBytes: Int
    private let indexName: String

    /// Creates the files.
    /// - Parameters:
    ///   - directory: an existing directory.
    ///   - specs: every tensor that will be written, with different names, in the order in which they fill the shards.
    ///   - baseName: the start of the file names.
    ///   - maximumShardBytes: bytes of values in one file; a larger tensor gets a file of its own.
    ///   - metadata: the header's `__metadata__`.
    /// - Throws: `FileError`.
    public init(
        directory: String, _ specs: [TensorSpec], baseName: String = "model",
        maximumShardBytes: Int = defaultShardBytes, metadata: [String: String] = ["format": "pt"]
    ) throws {
        var groups: [[TensorSpec]] = [[]]
        var bytes = 0
        for spec in specs {
            if bytes + spec.byteCount > maximumShardBytes && bytes > 0 {
                groups.append([])
                bytes = 0
            }
            groups[groups.count - 1].append(spec)
            bytes += spec.byteCount
        }
        let names = groups.indices.map { index in
            groups.count == 1
                ? "\(baseName).safetensors"
                : String(format: "%@-%05d-of-%05d.safetensors", baseName, index + 1, groups.count)
        }
        self.directory = directory
        shardNames = names
        totalBytes = specs.reduce(0) { $0 + $1.byteCount }
        outputs = try zip(names, groups).map { name, group in
            try SafeTensorsOutput(directory + "/" + name, SafeTensorsLayout(group, metadata: metadata))
        }
        indexName = "\(baseName).safetensors.index.json"
        let places = groups.enumerated().flatMap { index, group in group.map { ($0.name, index) } }
        shards = Dictionary(places) { _, _ in preconditionFailure("safetensors: a name is announced twice") }
    }

    /// Writes one announced tensor, cast to the announced element type; any order.
    /// - Throws: `FileError`, e.g. when the disk is full.
    public func write(_ name: String, _ tensor: Tensor) throws {
        guard let shard = shards[name], let place = outputs[shard].layout.places[name] else {
            preconditionFailure("safetensors: '\(name)' was not announced")
        }
        precondition(
            place.spec.shape == tensor.shape,
            "safetensors: '\(name)' was announced as \(place.spec.shape), found \(tensor.shape)")
        try tensor.forEachPiece(as: place.spec.dtype) { bytes, offset in
            try outputs[shard].write(name, bytes, at: offset)
        }
    }

    /// Makes the files durable and gives them their names, the index last.
    ///
    /// Precondition: every announced tensor was written.
    /// - Throws: `FileError`.
    public func finish() throws {
        for output in outputs { try output.commit() }
        if outputs.count > 1 { try AtomicFile.write(Data(index.utf8), to: directory + "/" + indexName) }
    }

    /// As `json.dumps(index, indent=2, sort_keys=True)` writes it.
    private var index: String {
        let lines = shards.sorted { $0.key < $1.key }.map { name, shard in
            "    \(SafeTensorsLayout.quoted(name)): \(SafeTensorsLayout.quoted(shardNames[shard]))"
        }
        return """
            {
              "metadata": {
                "total_size": \(totalBytes)
              },
              "weight_map": {
            \(lines.joined(separator: ",\n"))
              }
            }

            """
    }
}
