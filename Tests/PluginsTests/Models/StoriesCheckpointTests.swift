import Core
import Foundation
import ModelLlama
import Testing

/// A real language model, trained elsewhere and converted to a Hugging Face directory.
@Suite(.enabled(if: StoriesCheckpoint.isPresent, "needs ../shared/data/ckpt-stories260K"))
struct StoriesCheckpointTests {
    @Test("the NLL of a real model on real text is what NumPy found in float64")
    func likelihood() throws {
        let checkpoint = try StoriesCheckpoint(Runtime(CPUBackend(threads: 2)))
        let reference = checkpoint.reference
        let (decoder, runtime) = (checkpoint.decoder, checkpoint.runtime)
        let count = reference.eval_tokens.count - 1
        let graph = Graph(runtime, recording: false)
        let hidden = decoder.hidden(graph, TokenBatch([Array(reference.eval_tokens.dropLast())], runtime))
        let targets = runtime.tensor(Array(reference.eval_tokens.dropFirst()), [count])
        let scores = graph.score(
            hidden.reshaped(to: [count, decoder.configuration.width]), head: decoder.head, targets: targets)
        let losses = scores.logProb.doubles().map { -$0 }
        for (ours, theirs) in zip(losses, reference.eval_nll_per_token) { #expect(abs(ours - theirs) < 1e-4) }
        #expect(abs(losses.reduce(0, +) / Double(count) - reference.eval_mean_nll) < 1e-5)
    }

    @Test("the greedy text of a real model is the published one")
    func greedyText() throws {
        let checkpoint = try StoriesCheckpoint(Runtime(CPUBackend(threads: 2)))
        let result = try Generator(checkpoint.decoder, checkpoint.runtime).generate([
            GenerationRequest(prompt: [1], maximumNewTokens: 200, temperature: 0, seed: 0)
        ])[0]
        #expect(result.ids.starts(with: checkpoint.reference.tokens_for_ref_logits.dropFirst()))
        let file = StoriesCheckpoint.directory.appending(path: "expected_stdout.txt")
        let published = try String(contentsOf: file, encoding: .utf8)
        let text = try StoriesCheckpoint.text(result.ids)
        #expect(published.trimmingCharacters(in: .newlines).hasPrefix(text.trimmingCharacters(in: .newlines)))
        #expect(text.count >= published.count - 8)
    }
}

private struct StoriesCheckpoint {
    struct Reference: Decodable {
        let tokens_for_ref_logits: [Int32]
        let eval_tokens: [Int32]
        let eval_nll_per_token: [Double]
        let eval_mean_nll: Double
    }

    let runtime: Runtime
    let decoder: DecoderModel
    let reference: Reference

    static var directory: URL {
        let package = (0..<4).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        let shared = ProcessInfo.processInfo.environment["FORKTAIL_SHARED_DATA"]
            .map { URL(filePath: $0) } ?? package.appending(path: "../shared/data")
        return shared.appending(path: "ckpt-stories260K")
    }

    static var isPresent: Bool { FileManager.default.fileExists(atPath: directory.appending(path: "derived_hf").path) }

    init(_ runtime: Runtime) throws {
        let files = try ModelDirectory(Self.directory.appending(path: "derived_hf").path)
        let configuration = try LlamaFamily.decoder(from: ModelConfig(files.config))
        let store = ParameterStore(DecoderModel.specs(configuration), runtime, precision: .float32, seed: nil)
        for parameter in store.parameters { try files.read(parameter.name, into: parameter.value) }
        store.refreshCompute()
        self.runtime = runtime
        decoder = DecoderModel(configuration, store, runtime)
        reference = try JSONDecoder().decode(
            Reference.self, from: Data(contentsOf: Self.directory.appending(path: "derived_hf/ref.json")))
    }

    /// Decodes with llama2.c's vocabulary file: an int32, then (float32 score, int32 length, bytes) for each token.
    static func text(_ ids: [Int32]) throws -> String {
        let file = [UInt8](try Data(contentsOf: directory.appending(path: "tok512.bin")))
        var pieces: [[UInt8]] = []
        var offset = 4
        while offset < file.count {
            let length = (0..<4).reduce(0) { $0 | Int(file[offset + 4 + $1]) << (8 * $1) }
            pieces.append(Array(file[offset + 8..<offset + 8 + length]))
            offset += 8 + length
        }
        let bytes = ids.flatMap { id -> [UInt8] in
            let piece = pieces[Int(id)]
            let name = String(decoding: piece, as: UTF8.self)
            if name.hasPrefix("<0x"), let byte = UInt8(name.dropFirst(3).dropLast(), radix: 16) { return [byte] }
            return piece
        }
        return String(decoding: bytes.first == UInt8(ascii: " ") ? Array(bytes.dropFirst()) : bytes, as: UTF8.self)
    }
}
