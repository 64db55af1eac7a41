import Core
import Foundation
import Testing

@Suite struct CheckpointFileTests {
    let directory: TemporaryDirectory
    let runtime = Runtime(ReferenceBackend())

    init() throws { directory = try TemporaryDirectory() }

    /// Two parameters with two states; every value tells the step.
    private func items(_ step: Int) -> [CheckpointItem] {
        ["a", "b"].enumerated().flatMap { index, name in
            [CheckpointItem.weight, "exp_avg"].map { kind in
                let tensor = runtime.full([3, 4], index == 0 ? .float32 : .bfloat16, Double(step))
                return CheckpointItem(name: name, kind: kind, tensor: tensor, group: "block-\(index)")
            }
        }
    }

    private func write(_ steps: [Int], keep: Int? = nil, mode: CheckpointWriter.Mode = .synchronous) throws {
        let writer = CheckpointWriter(directory: directory("checkpoints"), keep: keep, mode: mode)
        for step in steps {
            try writer.write(step: step, items: items(step), sections: ["loader": Data("{\"cursor\": \(step)}".utf8)])
        }
        try writer.finish()
    }

    private func values(_ checkpoint: Checkpoint, _ name: String, _ kind: String) throws -> [Double] {
        let tensor = runtime.empty([3, 4], .float64)
        try checkpoint.restore(name, kind: kind, into: tensor)
        return tensor.doubles()
    }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory("checkpoints")).sorted()
    }

    @Test(arguments: [CheckpointWriter.Mode.synchronous, .background(byteLimit: 1), .background(byteLimit: 1 << 20)])
    func `a checkpoint restores weights, states and sections`(mode: CheckpointWriter.Mode) throws {
        try write([7], mode: mode)
        #expect(try names() == ["step-00000007"])
        let written = try FileManager.default.contentsOfDirectory(atPath: directory("checkpoints/step-00000007"))
        #expect(written.sorted() == [
            "block-0-00001.safetensors", "block-1-00001.safetensors", "loader.json", "manifest.json",
        ])
        let (found, skipped) = try CheckpointStore.latest(in: directory("checkpoints"))
        let checkpoint = try #require(found)
        #expect(skipped.isEmpty)
        #expect(checkpoint.step == 7)
        #expect(try checkpoint.section("loader") == Data("{\"cursor\": 7}".utf8))
        #expect(try checkpoint.section("other") == nil)
        for name in ["a", "b"] {
            #expect(try values(checkpoint, name, CheckpointItem.weight) == [Double](repeating: 7, count: 12))
            #expect(try values(checkpoint, name, "exp_avg") == [Double](repeating: 7, count: 12))
        }
        #expect(checkpoint.manifest.tensors.map(\.dtype) == [.float32, .float32, .bfloat16, .bfloat16])
        #expect(message { try checkpoint.restore("c", into: runtime.empty([1], .float32)) }
            == "restoring weight 'c' from '\(checkpoint.path)': the checkpoint has none")
        #expect(message { try checkpoint.restore("a", into: runtime.empty([12], .float32)) }
            == "restoring weight 'a' from '\(checkpoint.path)': found shape [3, 4], expected [12]")
    }

    @Test func `the manifest is JSON that anybody can read`() throws {
        try write([1])
        let data = try Data(contentsOf: URL(filePath: directory("checkpoints/step-00000001/manifest.json")))
        let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(json["format"] as? Int == 1)
        let first = try #require((json["tensors"] as? [[String: Any]])?.first)
        #expect(first["name"] as? String == "a")
        #expect(first["kind"] as? String == "weight")
        #expect(first["shape"] as? [Int] == [3, 4])
        #expect(first["dtype"] as? String == "float32")
        let file = try #require((json["files"] as? [[String: Any]])?.first)
        let name = try #require(file["name"] as? String)
        let hash = try FileHash.file(directory("checkpoints/step-00000001/" + name))
        #expect(file["xxh64"] as? String == hash.hex)
    }

    @Test func `the weights' values at the time of writing are saved, whatever happens to them later`() throws {
        let writer = CheckpointWriter(directory: directory("checkpoints"), mode: .background(byteLimit: 1 << 20))
        let tensor = runtime.full([1 << 16], .float32, 1)
        try writer.write(step: 1, items: [CheckpointItem(name: "w", kind: "weight", tensor: tensor)])
        runtime.run(.fill(tensor.view, value: 2))
        try writer.finish()
        let checkpoint = try #require(try CheckpointStore.latest(in: directory("checkpoints")).checkpoint)
        try checkpoint.restore("w", into: tensor)
        #expect(Set(tensor.doubles()) == [1])
    }

    @Test func `boxes written by one layout are read by another`() throws {
        let whole = runtime.tensor((0..<24).map(Double.init), [4, 6], .float32)
        let boxes = [0, 2].flatMap { row in [0, 4].map { column in (row, column) } }.map { row, column in
            let part = whole.view.sliced(dim: 0, row..<row + 2).sliced(dim: 1, column..<(column == 0 ? 4 : 6))
            return CheckpointItem(
                name: "w", kind: "weight", tensor: Tensor(part, runtime), globalShape: [4, 6], offset: [row, column])
        }
        let writer = CheckpointWriter(directory: directory("checkpoints"), maximumFileBytes: 48)
        try writer.write(step: 1, items: boxes)
        let checkpoint = try Checkpoint(directory("checkpoints/step-00000001"))
        #expect(checkpoint.manifest.files.count == 2)
        let all = runtime.empty([4, 6], .float32)
        try checkpoint.restore("w", into: all)
        #expect(all.doubles() == (0..<24).map(Double.init))
        let middle = runtime.empty([2, 3], .float64)
        try checkpoint.restore("w", into: middle, offset: [1, 2])
        #expect(middle.doubles() == [8, 9, 10, 14, 15, 16])
        try writer.write(step: 2, items: Array(boxes.dropLast()))
        #expect(message { try Checkpoint(directory("checkpoints/step-00000002")).restore("w", into: all) }
            .hasSuffix("found 20 of 24 elements in its boxes"))
    }

    @Test(arguments: ["no manifest", "cut manifest", "flipped manifest", "cut file", "no file", "flipped byte"])
    func `a torn checkpoint is skipped and reported`(damage: String) throws {
        try write([1, 2])
        let torn = directory("checkpoints/step-00000002")
        let manifest = URL(filePath: torn + "/manifest.json")
        let file = URL(filePath: torn + "/block-1-00001.safetensors")
        func change(_ url: URL, _ body: (inout Data) -> Void) throws {
            var data = try Data(contentsOf: url)
            body(&data)
            try data.write(to: url)
        }
        let reason: String
        switch damage {
        case "no manifest":
            try FileManager.default.removeItem(at: manifest)
            reason = "found no manifest.json"
        case "cut manifest":
            try change(manifest) { $0.removeLast(30) }
            reason = "do not match the checksum"
        case "flipped manifest":
            try change(manifest) { $0[40] ^= 1 }
            reason = "do not match the checksum"
        case "cut file":
            try change(file) { $0.removeLast() }
            reason = "bytes, expected"
        case "no file":
            try FileManager.default.removeItem(at: file)
            reason = "found no file 'block-1-00001.safetensors'"
        default:
            try change(file) { $0[$0.count - 3] ^= 0x10 }
            reason = "has xxh64"
        }
        let (found, skipped) = try CheckpointStore.latest(in: directory("checkpoints"))
        #expect(found?.step == 1)
        #expect(skipped.map(\.path) == [torn])
        #expect(skipped[0].reason.contains(reason), "\(skipped[0].reason)")
    }

    @Test func `a run without checkpoints has no latest one`() throws {
        #expect(try CheckpointStore.latest(in: directory("none")).checkpoint == nil)
    }

    @Test func `a newer format is refused by name`() throws {
        try write([1])
        let path = directory("checkpoints/step-00000001")
        let url = URL(filePath: path + "/manifest.json")
        let text = try String(contentsOf: url, encoding: .utf8).replacing("\"format\":1", with: "\"format\":2")
        var hash = FileHash()
        Array(text.utf8.dropLast(29)).withUnsafeBytes { hash.update($0) }
        try Data((text.dropLast(29) + ",\"xxh64\":\"\(hash.hex)\"}\n").utf8).write(to: url)
        #expect(message { try Checkpoint(path) } == """
            reading the checkpoint manifest '\(path)/manifest.json': found format 2, expected at most 1; \
            resume with the release that wrote it, or a newer one
            """)
    }

    @Test func `the newest are kept, later ones of another attempt too`() throws {
        try write([1, 2, 3, 9])
        try write([4, 5], keep: 2)
        #expect(try names() == ["step-00000004", "step-00000005", "step-00000009"])
        #expect(try CheckpointStore.list(in: directory("checkpoints")).map(\.step) == [9, 5, 4])
    }

    @Test func `torn ones do not count among those kept`() throws {
        try write([1, 2])
        try FileManager.default.removeItem(atPath: directory("checkpoints/step-00000002/manifest.json"))
        try write([3], keep: 2)
        #expect(try names() == ["step-00000001", "step-00000003"])
    }

    @Test func `what a kill left of a replacement is found, and removed by the next checkpoint`() throws {
        try write([1, 2])
        try FileManager.default.moveItem(
            atPath: directory("checkpoints/step-00000002"), toPath: directory("checkpoints/.step-00000002.partial"))
        #expect(try CheckpointStore.latest(in: directory("checkpoints")).checkpoint?.step == 2)
        try write([3], keep: 5)
        #expect(try names() == ["step-00000001", "step-00000003"])
    }

    @Test func `a step written again replaces the earlier one`() throws {
        try write([1])
        try FileManager.default.removeItem(atPath: directory("checkpoints/step-00000001/manifest.json"))
        try write([1])
        #expect(try names() == ["step-00000001"])
        #expect(try CheckpointStore.latest(in: directory("checkpoints")).checkpoint?.step == 1)
    }

    @Test func `values that are made piece by piece are stored as one tensor`() throws {
        let count = (1 << 22) + 300
        let item = CheckpointItem(name: "w", kind: "state", shape: [2, count / 2], dtype: .float32, group: "g") { range in
            runtime.tensor(range.map { Float($0) }, [range.count])
        }
        try CheckpointWriter(directory: directory("checkpoints")).write(step: 1, items: [item])
        let checkpoint = try #require(try CheckpointStore.latest(in: directory("checkpoints")).checkpoint)
        let whole = runtime.empty([2, count / 2], .float32)
        try checkpoint.restore("w", kind: "state", into: whole)
        #expect(whole.floats() == (0..<count).map { Float($0) })
    }

    @Test(
        .enabled(if: SmallDisk.isPossible, "tmpfs cannot be mounted here"),
        arguments: [CheckpointWriter.Mode.synchronous, .background(byteLimit: 1 << 16)])
    func `a full disk fails the checkpoint and keeps the earlier ones`(mode: CheckpointWriter.Mode) throws {
        let disk = try #require(try SmallDisk(directory("disk"), byteCount: 1 << 20))
        defer { disk.unmount() }
        let writer = CheckpointWriter(directory: disk.path + "/checkpoints", keep: 1, mode: mode)
        func item(_ name: String, _ count: Int) -> CheckpointItem {
            CheckpointItem(name: name, kind: "weight", tensor: runtime.zeros([count], .float32), group: name)
        }
        try writer.write(step: 1, items: [item("w", 1 << 10)])
        let text = message {
            try writer.write(step: 2, items: [item("w0", 1 << 20), item("w1", 1 << 10)])
            try writer.finish()
        }
        #expect(text.contains("/w0-00001.safetensors': No space left on device; the file needs 41944"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path + "/checkpoints") == ["step-00000001"])
        #expect(try CheckpointStore.latest(in: disk.path + "/checkpoints").checkpoint?.step == 1)
        try writer.write(step: 3, items: [item("w", 1 << 10)])
        try writer.finish()
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path + "/checkpoints") == ["step-00000003"])
    }

    @Test(arguments: [CheckpointWriter.Mode.synchronous, .background(byteLimit: 1), .background(byteLimit: 1 << 20)])
    func `ranks write one checkpoint together, and may go on as soon as theirs is copied`(mode: CheckpointWriter.Mode) throws {
        let path = directory("checkpoints")
        _ = try Loopback.run(ranks: 3) { mesh in
            let writer = CheckpointWriter(directory: path, keep: 1, mode: mode)
            for step in 1...3 {
                let part = mesh.runtime.full([2, 4], .float32, Double(10 * step + mesh.rank))
                let item = CheckpointItem(
                    name: "w", kind: "weight", tensor: part, globalShape: [6, 4], offset: [2 * mesh.rank, 0])
                try writer.write(
                    step: step, items: [item], sections: ["loader": Data("\(mesh.rank)".utf8)], with: mesh.world)
                mesh.runtime.run(.fill(part.view, value: 0))
            }
            try writer.finish()
            if mesh.rank == 0, let found = try CheckpointStore.latest(in: path).checkpoint { #expect(found.step == 3) }
        }
        #expect(try names() == ["step-00000003"])
        let written = try FileManager.default.contentsOfDirectory(atPath: path + "/step-00000003").sorted()
        #expect(written == [
            "loader.json", "manifest.json", "weight-rank00000-00001.safetensors", "weight-rank00001-00001.safetensors",
            "weight-rank00002-00001.safetensors",
        ])
        let checkpoint = try #require(try CheckpointStore.latest(in: path).checkpoint)
        #expect(try checkpoint.section("loader") == Data("0".utf8))
        let whole = runtime.empty([6, 4], .float64)
        try checkpoint.restore("w", into: whole)
        let expected = [30.0, 31, 32].flatMap { [Double](repeating: $0, count: 8) }
        #expect(whole.doubles() == expected)
    }

    @Test(.enabled(if: SmallDisk.isPossible, "tmpfs cannot be mounted here"))
    func `a rank that cannot write its part fails the checkpoint of all, and the earlier ones stay`() throws {
        let disk = try #require(try SmallDisk(directory("disk"), byteCount: 1 << 20))
        defer { disk.unmount() }
        let path = disk.path + "/checkpoints"
        let text = message {
            _ = try Loopback.run(ranks: 3) { mesh in
                let writer = CheckpointWriter(directory: path, keep: 1, mode: .background(byteLimit: 1 << 16))
                func write(_ step: Int, _ count: Int) throws {
                    let part = mesh.runtime.zeros([count], .float32)
                    let item = CheckpointItem(name: "w\(mesh.rank)", kind: "weight", tensor: part)
                    try writer.write(step: step, items: [item], sections: [:], with: mesh.world)
                }
                try write(1, 1 << 10)
                try write(2, mesh.rank == 1 ? 1 << 20 : 1 << 10)
                try writer.finish()
            }
        }
        #expect(text.contains("No space left on device"))
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        #expect(names.filter { !$0.hasPrefix(".") } == ["step-00000001"])
        #expect(try CheckpointStore.latest(in: path).checkpoint?.step == 1)
    }

    @Test(.enabled(if: SmallDisk.isPossible, "tmpfs cannot be mounted here"))
    func `a read-only directory is named`() throws {
        let disk = try #require(try SmallDisk(directory("disk"), byteCount: 1 << 20))
        defer { disk.unmount() }
        #expect(disk.makeReadOnly())
        let writer = CheckpointWriter(directory: disk.path + "/checkpoints", mode: .background(byteLimit: 1))
        #expect(message {
            try writer.write(step: 1, items: items(1))
            try writer.finish()
        } == "could not create the directory '\(disk.path)/checkpoints': Read-only file system")
    }
}
