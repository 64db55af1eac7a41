internal import Foundation

/// Everything about a checkpoint to be written but its values, which come in pieces: what may cross to another thread.
struct CheckpointPlan: Sendable {
    let step: Int
    /// `checkpoints/step-%08d`.
    let path: String
    let files: [(name: String, layout: SafeTensorsLayout)]
    /// For each item, its file (an index of `files`) and its key there.
    let places: [(file: Int, key: String)]
    let tensors: [CheckpointManifest.Entry]
    let sections: [String: Data]

    /// - Parameter rank: the number of the rank that writes, where there are several; nil = there is one.
    init(
        path: String, step: Int, items: [CheckpointItem], sections: [String: Data], maximumFileBytes: Int,
        rank: Int? = nil
    ) {
        self.step = step
        self.path = path
        self.sections = sections
        for name in Set(items.map(\.group)).union(sections.keys) {
            precondition(
                !name.isEmpty && name.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                        || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
                }, "checkpoint: '\(name)' cannot name a file")
        }
        var names: [String] = []
        var specs: [[TensorSpec]] = []
        var open: [String: (file: Int, bytes: Int, count: Int)] = [:]
        var places: [(file: Int, key: String)] = []
        var entries: [CheckpointManifest.Entry] = []
        var indices: [[String]: Int] = [:]
        for item in items {
            let spec = TensorSpec(item.key, item.shape, item.dtype)
            var current = open[item.group] ?? (file: -1, bytes: 0, count: 0)
            if current.file < 0 || (current.bytes > 0 && current.bytes + spec.byteCount > maximumFileBytes) {
                current = (file: names.count, bytes: 0, count: current.count + 1)
                let writer = rank.map { String(format: "-rank%05d", $0) } ?? ""
                names.append(String(format: "%@%@-%05d.safetensors", item.group, writer, current.count))
                specs.append([])
            }
            current.bytes += spec.byteCount
            open[item.group] = current
            specs[current.file].append(spec)
            places.append((current.file, item.key))
            let box = CheckpointManifest.Box(
                offset: item.offset, size: item.shape, file: names[current.file], key: item.key)
            if let index = indices[[item.kind, item.name]] {
                entries[index].boxes.append(box)
            } else {
                indices[[item.kind, item.name]] = entries.count
                entries.append(
                    CheckpointManifest.Entry(
                        name: item.name, kind: item.kind, shape: item.globalShape, dtype: item.dtype,
                        boxes: [box]))
            }
        }
        files = zip(names, specs).map { ($0, SafeTensorsLayout($1, metadata: ["format": "pt"])) }
        self.places = places
        tensors = entries
    }
}
