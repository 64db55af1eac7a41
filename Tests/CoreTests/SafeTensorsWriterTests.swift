import Core
import Foundation
import Testing

@Suite struct SafeTensorsWriterTests {
    let directory: TemporaryDirectory
    let runtime = Runtime(ReferenceBackend())

    init() throws { directory = try TemporaryDirectory() }

    private func values(_ file: SafeTensorsFile, _ name: String) throws -> [Double] {
        let tensor = runtime.empty(try file.shape(of: name), .float64)
        try file.read(name, into: tensor)
        return tensor.doubles()
    }

    @Test func `what is written reads back in the chosen element type, in any order and layout`() throws {
        let matrix = runtime.tensor([1, 2, 3, 4, 5, 6.001953125], [2, 3], .float32)
        let transposed = Tensor(matrix.view.transposed(0, 1), runtime)
        let specs = [
            TensorSpec("byte", [1], .uint8), TensorSpec("half", [3, 2], .bfloat16), TensorSpec("empty", [0], .float32),
            TensorSpec("scalar", [], .float64), TensorSpec("quote\"\\\n", [2, 3], .float32),
        ]
        let writer = try SafeTensorsWriter(directory: directory.path, specs)
        try writer.write("quote\"\\\n", matrix)
        try writer.write("half", transposed)
        try writer.write("scalar", runtime.tensor([1e-300], [], .float64))
        try writer.write("byte", runtime.tensor([255], [1], .uint8))
        #expect(!FileManager.default.fileExists(atPath: directory("model.safetensors")))
        try writer.finish()
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["model.safetensors"])
        let file = try SafeTensorsFile(directory("model.safetensors"))
        #expect(file.metadata == ["format": "pt"])
        #expect(file.tensorNames == ["scalar", "empty", "quote\"\\\n", "half", "byte"])
        #expect(try values(file, "quote\"\\\n") == matrix.doubles())
        #expect(try values(file, "half") == [1, 4, 2, 5, 3, 6])
        #expect(try values(file, "scalar") == [1e-300])
        #expect(try values(file, "byte") == [255])
        #expect(try values(file, "empty") == [])
        #expect(try file.mapped("scalar", runtime) != nil)
    }

    @Test func `shards and index are named and filled as Hugging Face does`() throws {
        let names = ["b", "a", "c"]
        let writer = try SafeTensorsWriter(
            directory: directory.path, names.map { TensorSpec($0, [4], .float32) }, maximumShardBytes: 32)
        for name in names { try writer.write(name, runtime.full([4], .float32, Double(name.utf8.first ?? 0))) }
        try writer.finish()
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == [
            "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json",
        ])
        #expect(try String(contentsOfFile: directory("model.safetensors.index.json"), encoding: .utf8) == """
            {
              "metadata": {
                "total_size": 48
              },
              "weight_map": {
                "a": "model-00001-of-00002.safetensors",
                "b": "model-00001-of-00002.safetensors",
                "c": "model-00002-of-00002.safetensors"
              }
            }

            """)
        let second = try SafeTensorsFile(directory("model-00002-of-00002.safetensors"))
        #expect(try values(second, "c") == [99, 99, 99, 99])
    }

    @Test func `a writer that is given up leaves nothing behind and what was there untouched`() throws {
        try Data("before".utf8).write(to: URL(filePath: directory("model.safetensors")))
        do {
            let writer = try SafeTensorsWriter(directory: directory.path, [TensorSpec("a", [1], .float32)])
            try writer.write("a", runtime.full([1], .float32, 1))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["model.safetensors"])
        #expect(try String(contentsOfFile: directory("model.safetensors"), encoding: .utf8) == "before")
    }

    @Test(.enabled(if: SmallDisk.isPossible, "tmpfs cannot be mounted here"))
    func `a full disk is told with the bytes needed and free, and nothing stays behind`() throws {
        let disk = try #require(try SmallDisk(directory("disk"), byteCount: 1 << 20))
        defer { disk.unmount() }
        let count = 1 << 20
        var text = ""
        do {
            let writer = try SafeTensorsWriter(directory: disk.path, [TensorSpec("a", [count], .float32)])
            text = message { try writer.write("a", runtime.zeros([count], .float32)) }
        }
        let needed = 4 * count + 8 + 104
        #expect(text == """
            could not write '\(disk.path)/model.safetensors': No space left on device; the file needs \(needed) bytes, \
            the file system has 0 bytes left; free some space or choose another directory
            """)
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path) == [])
    }

    @Test func `a directory that cannot be written to is named`() throws {
        let missing = directory("none")
        #expect(message { try SafeTensorsWriter(directory: missing, [TensorSpec("a", [1], .float32)]) }
            == "could not create '\(missing)/model.safetensors': No such file or directory")
    }

    @Test(arguments: [
        (0, "ef46db3751d8e999"), (1, "1f25c8d0bc1f4bb6"), (31, "a2aa5f33cc4a6119"), (32, "23c3c17ef790fd97"),
        (63, "5e3e54b431c7493c"), (101, "bad4d3bf033bda4c"),
    ])
    func `the file hash equals xxHash, however the bytes arrive`(count: Int, expected: String) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) }
        for piece in [1, 5, 32, 40, 128] {
            var hash = FileHash()
            for start in stride(from: 0, to: count, by: piece) {
                bytes[start..<min(start + piece, count)].withUnsafeBytes { hash.update($0) }
            }
            #expect(hash.hex == expected, "pieces of \(piece)")
        }
        try Data(bytes).write(to: URL(filePath: directory("bytes")))
        #expect(try FileHash.file(directory("bytes")) == (expected, count))
    }
}

/// A file system of a few bytes; needs the right to mount.
struct SmallDisk {
    let path: String

    init?(_ path: String, byteCount: Int, options: String = "") throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(byteCount)\(options)") == 0 else { return nil }
    }

    /// Whether this process may mount one.
    static let isPossible: Bool = {
        guard let directory = try? TemporaryDirectory(), let disk = try? SmallDisk(directory("disk"), byteCount: 4096)
        else { return false }
        disk.unmount()
        return true
    }()

    func makeReadOnly() -> Bool { mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0 }

    func unmount() { umount2(path, Int32(MNT_DETACH)) }
}
