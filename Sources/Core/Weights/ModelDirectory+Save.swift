public import Foundation

extension ModelDirectory {
    /// Writes a model directory, which appears under its name when everything in it is durable.
    ///
    /// Tensors are written one at a time, so a whole model is never held twice.
    /// - Parameters:
    ///   - path: the new directory.
    ///   - config: the bytes of `config.json`.
    ///   - specs: every tensor that `body` writes.
    ///   - extraFiles: files to copy into the directory, e.g. the tokenizer's.
    ///   - replacing: whether an existing directory is replaced.
    ///   - maximumShardBytes: see `SafeTensorsWriter`.
    ///   - body: writes every tensor, in any order.
    /// - Throws: `WeightsError` when the directory exists and may not be replaced, `FileError`, or what `body` throws.
    public static func save(
        to path: String, config: Data, _ specs: [TensorSpec], copying extraFiles: [String] = [],
        replacing: Bool = false, maximumShardBytes: Int = SafeTensorsWriter.defaultShardBytes,
        _ body: (SafeTensorsWriter) throws -> Void
    ) throws {
        if AtomicDirectory.exists(path) && !replacing {
            throw WeightsError(
                "saving a model to '\(path)'", ["it exists already"],
                hint: "choose another directory or remove it with `rm -r '\(path)'`")
        }
        let directory = try AtomicDirectory(path, replacing: replacing)
        let writer = try SafeTensorsWriter(
            directory: directory.partialPath, specs, maximumShardBytes: maximumShardBytes)
        try body(writer)
        try writer.finish()
        for file in extraFiles {
            let name = (file as NSString).lastPathComponent
            try AtomicFile.write(contents(file), to: directory.partialPath + "/" + name)
        }
        try AtomicFile.write(config, to: directory.partialPath + "/config.json")
        try directory.commit()
    }

    /// Writes a model directory from tensors at hand, each cast to `dtype`.
    /// - Throws: as the other form.
    public static func save(
        to path: String, config: Data, _ tensors: [(name: String, tensor: Tensor)], dtype: DType,
        copying extraFiles: [String] = [], replacing: Bool = false,
        maximumShardBytes: Int = SafeTensorsWriter.defaultShardBytes
    ) throws {
        let specs = tensors.map { TensorSpec($0.name, $0.tensor.shape, dtype) }
        try save(
            to: path, config: config, specs, copying: extraFiles, replacing: replacing,
            maximumShardBytes: maximumShardBytes
        ) { writer in
            for (name, tensor) in tensors { try writer.write(name, tensor) }
        }
    }
}
