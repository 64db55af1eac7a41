import Core
import Foundation

/// A directory that Tests/Reference/trajectories.py wrote: a tiny model, its data, and 20 AdamW steps on it.
struct TrajectoryGolden {
    struct Trajectory: Decodable {
        let loss: [Double]
        let grad_norm: [Double]
        let logprobs: [[Double]]
    }

    struct Sample: Decodable {
        let input_ids: [Int32]
        let labels: [Int32]
    }

    static let names = [
        "llama", "llama3-scaled", "qwen2", "qwen3", "smollm3", "mistral", "gpt2", "mixtral", "qwen3-moe",
    ]

    let configuration: DecoderConfiguration
    let samples: [Sample]
    let trajectory: Trajectory
    /// Weights before and after training, by name.
    let initial: [String: [Double]]
    let final: [String: [Double]]

    init(_ name: String, trajectory file: String) throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let directory = tests.appending(path: "Reference/goldens/\(name)")
        func read(_ file: String) throws -> Data { try Data(contentsOf: directory.appending(path: file)) }
        configuration = try ModelFamilies.decoder(from: String(decoding: read("config.json"), as: UTF8.self))
        samples = try read("train.jsonl").split(separator: UInt8(ascii: "\n")).map {
            try JSONDecoder().decode(Sample.self, from: $0)
        }
        trajectory = try JSONDecoder().decode(Trajectory.self, from: read(file))
        initial = try TrajectoryGolden.tensors(read("model.safetensors"))
        final = try TrajectoryGolden.tensors(read("final64.safetensors"))
    }

    /// The values of a safetensors file of F32 and F64 tensors.
    private static func tensors(_ file: Data) throws -> [String: [Double]] {
        struct Entry: Decodable {
            let dtype: String
            let data_offsets: [Int]
        }
        let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        var header = try JSONSerialization.jsonObject(with: file[8..<8 + length]) as? [String: Any] ?? [:]
        header["__metadata__"] = nil
        let entries = try JSONDecoder().decode(
            [String: Entry].self, from: JSONSerialization.data(withJSONObject: header))
        return entries.mapValues { entry in
            let bytes = [UInt8](file[8 + length + entry.data_offsets[0]..<8 + length + entry.data_offsets[1]])
            return bytes.withUnsafeBytes { raw in
                entry.dtype == "F64"
                    ? (0..<raw.count / 8).map { raw.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
                    : (0..<raw.count / 4).map { Double(raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)) }
            }
        }
    }
}
