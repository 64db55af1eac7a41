import Core
import Foundation
import Testing

/// Real checkpoints beside the checkout; tests of them are skipped where it has none.
enum WeightsData {
    static let directory: String = {
        if let path = ProcessInfo.processInfo.environment["FORKTAIL_SHARED_DATA"] { return path }
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.deletingLastPathComponent().appending(path: "shared/data").path
    }()
    static let isPresent = FileManager.default.fileExists(atPath: directory + "/ckpt-stories260K/derived_hf")
}

/// A directory that is removed when its owner goes.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "forktail-weights-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func callAsFunction(_ name: String) -> String { path + "/" + name }
}

/// A safetensors file from its parts.
func writeSafeTensors(_ path: String, header: String, values: [UInt8]) throws {
    var data = Data()
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
    data.append(contentsOf: Array(header.utf8))
    data.append(contentsOf: values)
    try data.write(to: URL(filePath: path))
}

/// The error's description, for comparing whole texts.
func message<Value>(_ body: () throws -> Value) -> String {
    do {
        _ = try body()
        return "no error"
    } catch { return "\(error)" }
}

@Suite struct SafeTensorsFileTests {
    let directory: TemporaryDirectory
    let runtime = Runtime(ReferenceBackend())

    init() throws { directory = try TemporaryDirectory() }

    @Test func `every readable element type is converted, also where it is not aligned`() throws {
        let header = """
            {"__metadata__":{"format":"pt"},"u8":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},\
            "f16":{"dtype":"F16","shape":[2],"data_offsets":[1,5]},\
            "bf16":{"dtype":"BF16","shape":[1,1],"data_offsets":[5,7]},\
            "f32":{"dtype":"F32","shape":[],"data_offsets":[7,11]},\
            "f64":{"dtype":"F64","shape":[1],"data_offsets":[11,19]},\
            "i32":{"dtype":"I32","shape":[1],"data_offsets":[19,23]},\
            "none":{"dtype":"F32","shape":[0,4],"data_offsets":[23,23]}}
            """
        var values: [UInt8] = [7, 0x00, 0x3E, 0x01, 0x80]  // 7; 1.5 and the smallest subnormal, negative
        values += [0x20, 0xC0]  // -2.5
        values += withUnsafeBytes(of: Float(0.1)) { Array($0) } + withUnsafeBytes(of: 1e300) { Array($0) }
        values += withUnsafeBytes(of: Int32(-9)) { Array($0) }
        try writeSafeTensors(directory("a.safetensors"), header: header, values: values)
        let file = try SafeTensorsFile(directory("a.safetensors"))
        #expect(file.metadata == ["format": "pt"])
        #expect(file.tensorNames == ["u8", "f16", "bf16", "f32", "f64", "i32", "none"])
        func read(_ name: String) throws -> [Double] {
            let tensor = runtime.empty(try file.shape(of: name), .float64)
            try file.read(name, into: tensor)
            return tensor.doubles()
        }
        #expect(try read("u8") == [7])
        #expect(try read("f16") == [1.5, -0x1p-24])
        #expect(try read("bf16") == [-2.5])
        #expect(try read("f32") == [Double(Float(0.1))])
        #expect(try read("f64") == [1e300])
        #expect(try read("i32") == [-9])
        #expect(try read("none") == [])
        #expect(try file.dtype(of: "f16") == StoredType("F16"))
    }

    @Test func `a box of a tensor is read, in place or through pieces`() throws {
        let count = 24
        let values = (0..<count).flatMap { value in withUnsafeBytes(of: Float(value)) { Array($0) } }
        let entry = #""w":{"dtype":"F32","shape":[2,3,4],"data_offsets":"#
        for lead in [0, 3] {
            let path = directory("box\(lead).safetensors")
            let extra = lead == 0 ? "" : #","b":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}"#
            var header = "{\(entry)[\(lead),\(lead + 96)]}\(extra)}"
            while (header.utf8.count + 8) % 8 != 0 { header += " " }
            try writeSafeTensors(path, header: header, values: [UInt8](repeating: 0, count: lead) + values)
            let file = try SafeTensorsFile(path)
            let target = runtime.empty([2, 2, 1], .float32)
            try file.read("w", into: target, offset: [0, 1, 2])
            #expect(target.doubles() == [6, 10, 18, 22])
            let transposed = Tensor(runtime.empty([4, 3, 2], .bfloat16).view.transposed(0, 2), runtime)
            try file.read("w", into: transposed)
            #expect(transposed.doubles() == (0..<count).map(Double.init))
            #expect(try (file.mapped("w", runtime) == nil) == (lead == 3))
        }
    }

    @Test func `a mapped tensor outlives the file object`() throws {
        let values = [Float](repeating: 0.5, count: 4).flatMap { value in withUnsafeBytes(of: value) { Array($0) } }
        let header = #"{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"# + " "
        try writeSafeTensors(directory("m.safetensors"), header: header, values: values)
        var file: SafeTensorsFile? = try SafeTensorsFile(directory("m.safetensors"))
        let tensor = try #require(try file?.mapped("w", runtime))
        #expect(try file?.mapped("w", runtime, dtype: .bfloat16) == nil)
        file = nil
        #expect(tensor.doubles() == [0.5, 0.5, 0.5, 0.5])
    }

    @Test func `all problems of a header are told at once`() throws {
        let path = directory("bad.safetensors")
        let header = """
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},\
            "b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},\
            "c":{"dtype":"BF16","shape":[3],"data_offsets":[12,16]},\
            "d":{"dtype":"U8","shape":[90],"data_offsets":[10,100]},\
            "e":{"dtype":"U8","shape":[1],"data_offsets":[3,2]},\
            "f":{"dtype":"F64","shape":[9000000000,9000000000],"data_offsets":[0,8]},\
            "a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}
            """
        try writeSafeTensors(path, header: header, values: [UInt8](repeating: 0, count: 16))
        #expect(message { try SafeTensorsFile(path) } == """
            reading '\(path)':
              - tensor 'a' is listed more than once
              - tensor 'c' of BF16 [3] has 4 bytes, expected 6
              - tensor 'd' ends at byte 100 of the values, expected at most 16, the bytes found
              - tensor 'e' has the offsets [3, 2], expected [begin, end] in order
              - tensor 'f' has the shape [9000000000, 9000000000], more bytes than can be counted
              - tensors 'a' and 'b' overlap by 4 bytes, expected none
            the file is cut short or not a safetensors file: fetch or write it again
            """)
    }

    @Test func `truncated files, foreign files and missing files are told apart`() throws {
        let path = directory("x.safetensors")
        let again = "; the file is cut short or not a safetensors file: fetch or write it again"
        #expect(message { try SafeTensorsFile(path) } == "could not open '\(path)': No such file or directory")
        try Data().write(to: URL(filePath: path))
        #expect(message { try SafeTensorsFile(path) }
            == "reading '\(path)': found 0 bytes, expected at least 8 of header length" + again)
        try Data([16, 0, 0, 0, 0, 0, 0, 0, 1]).write(to: URL(filePath: path))
        #expect(message { try SafeTensorsFile(path) }
            == "reading '\(path)': found 9 bytes, expected at least 24 for the header" + again)
        try Data("version https://git-lfs.github.com/spec/v1".utf8).write(to: URL(filePath: path))
        #expect(message { try SafeTensorsFile(path) } == """
            reading '\(path)': found a Git LFS pointer, expected the file itself; run `git lfs pull` where it came from
            """)
        try Data("<!doctype html>".utf8).write(to: URL(filePath: path))
        #expect(message { try SafeTensorsFile(path) }.contains("bytes, expected at most 100000000"))
        try writeSafeTensors(path, header: #"{"a":{"dtype":"F32","shape":[]}}"#, values: [])
        #expect(message { try SafeTensorsFile(path) }
            == "reading '\(path)': the header is no table of tensors: 'a' lacks 'data_offsets'" + again)
        try writeSafeTensors(path, header: "{", values: [])
        #expect(message { try SafeTensorsFile(path) }
            == "reading '\(path)': the header is no table of tensors: it is not JSON" + again)
    }

    @Test func `unreadable element types matter only to who reads them`() throws {
        let path = directory("types.safetensors")
        let header = #"{"mask":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]},"#
            + #""new":{"dtype":"F4","shape":[4],"data_offsets":[2,4]}}"#
        try writeSafeTensors(path, header: header, values: [0, 1, 2, 3])
        let file = try SafeTensorsFile(path)
        #expect(message { try file.read("mask", into: runtime.empty([2], .uint8)) } == """
            reading tensor 'mask' of '\(path)': found element type BOOL, expected one of F64, F32, BF16, F16, I32, U8
            """)
        #expect(message { try file.shape(of: "other") } == "reading '\(path)': found no tensor 'other' among 2")
    }

    @Test func `a target of another shape is refused`() throws {
        let path = directory("shape.safetensors")
        try writeSafeTensors(path, header: #"{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, values: [1, 2])
        let file = try SafeTensorsFile(path)
        #expect(message { try file.read("w", into: runtime.empty([1, 2], .uint8)) }
            == "reading tensor 'w' of '\(path)': found shape [2], expected [1, 2]")
        #expect(message { try file.read("w", into: runtime.empty([2], .uint8), offset: [1]) }
            == "reading tensor 'w' of '\(path)': found shape [2], expected [2] at offset [1]")
    }

    @Test(.enabled(if: WeightsData.isPresent, "no shared data beside the checkout"))
    func `real checkpoints read as NumPy reads them`() throws {
        // Sums in float64 by Python's safetensors and NumPy.
        let stories = try SafeTensorsFile(WeightsData.directory + "/ckpt-stories260K/derived_hf/model.safetensors")
        #expect(stories.tensorNames.count == 47)
        let norm = runtime.empty([64], .float64)
        try stories.read("model.norm.weight", into: norm)
        #expect(abs(norm.doubles().reduce(0, +) - 115.95276230573654) < 1e-9)
        let verl = try SafeTensorsFile(WeightsData.directory + "/ckpt-verl-tiny-llama/model/model.safetensors")
        let name = "model.layers.0.self_attn.q_proj.weight"
        #expect(try verl.dtype(of: name) == StoredType("BF16"))
        let query = runtime.empty(try verl.shape(of: name), .float64)
        try verl.read(name, into: query)
        #expect(abs(query.doubles().reduce(0, +) - 1.6853932440280914) < 1e-9)
    }
}
