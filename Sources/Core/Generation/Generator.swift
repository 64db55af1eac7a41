// B batch, T tokens, C width, V vocabulary

/// Continues prompts with a decoder, many at once.
///
/// Prompts are read once each, whatever the number of samples of them; then all active sequences take one token a step
/// in one batch, finished ones leave it, and waiting ones join. Random numbers are keyed by request and position, so a
/// request's result does not depend on its company.
public final class Generator {
    private let decoder: DecoderModel
    private let runtime: Runtime
    private let concurrency: Int
    private let prefillTokens: Int

    /// - Parameters:
    ///   - decoder: read at each call, so that it may be trained in between.
    ///   - concurrency: the most sequences that are continued at once; bounds the cache's memory.
    ///   - prefillTokens: about how many prompt tokens are read at once; bounds the activations' memory.
    public init(_ decoder: DecoderModel, _ runtime: Runtime, concurrency: Int = 256, prefillTokens: Int = 8192) {
        precondition(concurrency > 0, "generator: concurrency \(concurrency)")
        self.decoder = decoder
        self.runtime = runtime
        self.concurrency = concurrency
        self.prefillTokens = prefillTokens
    }

    /// Results in the order of the requests.
    /// - Throws: `GenerationError` with all problems of all requests.
    public func generate(_ requests: [GenerationRequest]) throws -> [GenerationResult] {
        let problems = requests.enumerated().flatMap { index, request in
            request.problems(for: decoder.configuration).map { "request \(index): \($0)" }
        }
        if !problems.isEmpty { throw GenerationError(problems: problems) }
        guard let capacity = requests.map({ $0.prompt.count + $0.maximumNewTokens }).max() else { return [] }

        let slots = min(concurrency, requests.count)
        let cache = makeCache(sequences: slots, capacity: capacity)
        var waiting = WaitingRequests(requests)
        var active: [ActiveSequence] = []
        var results = [GenerationResult?](repeating: nil, count: requests.count)

        while !waiting.isEmpty || !active.isEmpty {
            // Newcomers come in numbers, so that their prompts are read together.
            let free = slots - active.count
            if !waiting.isEmpty, active.isEmpty || free * 4 >= slots {
                for index in admit(free, from: &waiting) {
                    let prompt = waiting.prompt(of: index)
                    var sequence = ActiveSequence(index, requests[index])
                    if let result = sequence.extend(prompt.logits[...]) {
                        results[index] = result
                    } else {
                        cache.copy(sequence.length, from: prompt.cache, sequence: prompt.sequence, to: active.count)
                        active.append(sequence)
                    }
                    waiting.leave(index)
                }
            }
            if active.isEmpty { continue }
            let logits = decode(active, cache)
            let vocabulary = logits.count / active.count
            for slot in active.indices {
                let row = logits[slot * vocabulary..<(slot + 1) * vocabulary]
                active[slot].length += 1
                if let result = active[slot].extend(row) { results[active[slot].index] = result }
            }
            // The last sequence moves into each slot that became free, from the back.
            for slot in active.indices.reversed() where results[active[slot].index] != nil {
                let last = active.removeLast()
                if slot < active.count {
                    cache.copy(last.length, from: cache, sequence: active.count, to: slot)
                    active[slot] = last
                }
            }
        }
        return results.compactMap { $0 }
    }

    /// Takes up to `count` waiting requests, and reads those of their prompts that have not been read.
    private func admit(_ count: Int, from waiting: inout WaitingRequests) -> [Int] {
        let taken = waiting.take(count)
        var unread = waiting.unreadPrompts(of: taken).sorted { $0.count < $1.count }
        while let longest = unread.last {
            // Prompts of about one length are read together, since all are padded to the longest.
            let group = Array(unread.suffix(max(1, prefillTokens / longest.count)))
            unread.removeLast(group.count)
            for (prompt, read) in zip(group, prefill(group)) { waiting.keep(read, for: prompt) }
        }
        return taken
    }

    /// Reads prompts, padded to one width.
    private func prefill(_ prompts: [[Int32]]) -> [ReadPrompt] {
        let width = prompts.map(\.count).max() ?? 0
        let cache = makeCache(sequences: prompts.count, capacity: width)
        let ids = prompts.flatMap { $0 + [Int32](repeating: 0, count: width - $0.count) }
        let positions = prompts.flatMap { _ in (0..<width).map(Int32.init) }
        let shape = [prompts.count, width]
        let batch = TokenBatch(ids: runtime.tensor(ids, shape), positions: runtime.tensor(positions, shape))
        let step = cache.step(
            starts: prompts.map { _ in 0 }, counts: prompts.map(\.count), width: width)
        let graph = Graph(runtime, recording: false)
        let hidden = decoder.hidden(graph, batch, cache: step)
        let lasts = prompts.enumerated().map { Int32($0 * width + $1.count - 1) }
        let flat = hidden.reshaped(to: [ids.count, hidden.shape[2]])
        let logits = logits(graph.rows(flat, at: runtime.tensor(lasts, [lasts.count])))
        let vocabulary = logits.count / prompts.count
        return prompts.indices.map {
            ReadPrompt(
                cache: cache, sequence: $0, logits: Array(logits[$0 * vocabulary..<($0 + 1) * vocabulary]))
        }
    }

    /// The logits, [B * V], after each active sequence's latest token.
    private func decode(_ active: [ActiveSequence], _ cache: KeyValueCache) -> [Float] {
        let shape = [active.count, 1]
        let batch = TokenBatch(
            ids: runtime.tensor(active.map(\.latest), shape),
            positions: runtime.tensor(active.map { Int32($0.length) }, shape))
        let step = cache.step(starts: active.map(\.length), counts: active.map { _ in 1 }, width: 1)
        let hidden = decoder.hidden(Graph(runtime, recording: false), batch, cache: step)
        return logits(hidden.reshaped(to: [active.count, hidden.shape[2]]))
    }

    /// hidden [B, C]; result [B * V].
    private func logits(_ hidden: Tensor) -> [Float] {
        let head = decoder.head.compute.view
        let logits = runtime.empty([hidden.shape[0], head.shape[0]], hidden.dtype == .float64 ? .float64 : .float32)
        runtime.run(.matmul(Matmul(hidden.view, head.transposed(0, 1), into: logits.view)))
        return logits.floats()
    }

    private func makeCache(sequences: Int, capacity: Int) -> KeyValueCache {
        KeyValueCache(
            decoder.configuration, sequenceCount: sequences, capacity: capacity, decoder.embedding.weight.compute.dtype,
            runtime)
    }
}

/// A sequence that is being continued. Its slot in the cache is its place in the list of active ones.
private struct ActiveSequence {
    /// The number of its request.
    let index: Int
    private let request: GenerationRequest
    private let sampler: TokenSampler
    private var ids: [Int32] = []
    private var logProbs: [Double] = []
    /// How many tokens the cache holds: all but the latest.
    var length: Int

    init(_ index: Int, _ request: GenerationRequest) {
        self.index = index
        self.request = request
        sampler = TokenSampler(request)
        length = request.prompt.count
    }

    /// The newest token, which the model has not read yet.
    var latest: Int32 { ids.last ?? 0 }

    /// Draws the next token; returns the result when it was the last.
    mutating func extend(_ logits: ArraySlice<Float>) -> GenerationResult? {
        let (id, logProb) = sampler.draw(logits, position: length)
        ids.append(id)
        logProbs.append(logProb)
        let isStopped = !request.ignoresStop && request.stopIDs.contains(id)
        guard isStopped || ids.count == request.maximumNewTokens else { return nil }
        return GenerationResult(ids: ids, logProbs: logProbs, finishReason: isStopped ? .stop : .length)
    }
}
