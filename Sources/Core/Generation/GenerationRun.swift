// B sequences, V vocabulary

/// The state of one call of `Generator.generate`.
final class GenerationRun {
    private let decoder: DecoderModel
    private let runtime: Runtime
    private let requests: [GenerationRequest]
    private let slots: Int
    private let prefillTokens: Int
    private let decode: (([Int32]) -> String)?
    /// The most tokens that a sequence can come to have.
    private let capacity: Int
    private let cache: KeyValueCache
    private var waiting: WaitingRequests
    private var active: [ActiveSequence] = []
    private var results: [GenerationResult?]
    private var step: DecodeStep?

    init(
        _ requests: [GenerationRequest], _ decoder: DecoderModel, _ runtime: Runtime, slots: Int, prefillTokens: Int,
        decode: (([Int32]) -> String)?
    ) {
        self.decoder = decoder
        self.runtime = runtime
        self.requests = requests
        self.slots = slots
        self.prefillTokens = prefillTokens
        self.decode = decode
        capacity = requests.map { $0.prompt.count + $0.maximumNewTokens }.max() ?? 0
        cache = KeyValueCache(decoder.configuration, decoder.dtype, runtime)
        waiting = WaitingRequests(requests)
        results = [GenerationResult?](repeating: nil, count: requests.count)
    }

    /// Results in the order of the requests.
    func run() -> [GenerationResult] {
        while !waiting.isEmpty || !active.isEmpty {
            // Newcomers come in numbers, so that their prompts are read together.
            let free = slots - active.count
            if !waiting.isEmpty, active.isEmpty || free * 4 >= slots { admit(free) }
            if !active.isEmpty { takeStep() }
        }
        return results.compactMap { $0 }
    }

    /// Starts up to `count` waiting requests: reads those of their prompts that have not been read, and draws each one's
    /// first token.
    private func admit(_ count: Int) {
        let taken = waiting.take(count)
        var unread = waiting.unreadPrompts(of: taken)[...]
        while !unread.isEmpty {
            var tokens = 0
            let group = Array(unread.prefix { prompt in
                tokens += prompt.count
                return tokens <= prefillTokens || tokens == prompt.count
            })
            unread.removeFirst(group.count)
            for (prompt, read) in zip(group, prefill(group)) { waiting.keep(read, for: prompt) }
        }
        let logits = runtime.empty([taken.count, decoder.head.shape[0]], logitType)
        let newcomers = taken.enumerated().map { row, index in
            let prompt = waiting.prompt(of: index)
            runtime.run(.copy(from: prompt.logits, to: logits.view.sliced(dim: 0, row..<row + 1)))
            defer { if let last = waiting.leave(index) { cache.release(last.cached) } }
            return ActiveSequence(index, requests[index], cache.share(prompt.cached))
        }
        let first = active.count
        active += newcomers
        draw(logits.view, for: first..<active.count)
    }

    /// Reads prompts, laid end to end.
    private func prefill(_ prompts: [[Int32]]) -> [ReadPrompt] {
        cache.reserve(prompts.reduce(0) { $0 + cache.blocks(for: $1.count + 1) })
        let sequences = prompts.map { prompt in
            var sequence = CachedSequence()
            cache.extend(&sequence, by: prompt.count)
            return sequence
        }
        let count = prompts.reduce(0) { $0 + $1.count }
        let batch = CachedBatch(
            cache, count: count, sequenceCount: prompts.count, capacity: prompts.map(\.count).max() ?? 0, runtime)
        batch.fill(zip(sequences, prompts).map { ($0, $1) })
        let graph = Graph(runtime, recording: false)
        let hidden = decoder.hidden(graph, batch.tokens, cache: batch)
        var end = 0
        let lasts = prompts.map { prompt in
            end += prompt.count
            return Int32(end - 1)
        }
        let flat = hidden.reshaped(to: [count, hidden.shape[2]])
        let logits = logits(graph.rows(flat, at: runtime.tensor(lasts, [lasts.count])), runtime)
        return sequences.enumerated().map { row, sequence in
            ReadPrompt(cached: sequence, logits: logits.view.sliced(dim: 0, row..<row + 1))
        }
    }

    /// Every active sequence takes one token; finished ones leave.
    private func takeStep() {
        cache.reserve(active.count { $0.cached.length % cache.blockSize == 0 })
        for slot in active.indices { cache.extend(&active[slot].cached, by: 1) }
        let parts = active.map { (sequence: $0.cached, ids: [$0.latest]) }
        let logits: BufferView
        if let step, step.sequenceCount == active.count, step.generation == cache.generation {
            step.batch.fill(parts)
            step.pass.run()
            logits = step.pass.result.view
        } else {
            // The former step's memory is free for the new one.
            self.step = nil
            let batch = CachedBatch(
                cache, count: active.count, sequenceCount: active.count, capacity: capacity, runtime)
            batch.fill(parts)
            let pass = RecordedPass(runtime) { runtime in
                let hidden = decoder.hidden(Graph(runtime, recording: false), batch.tokens, cache: batch)
                return self.logits(hidden.reshaped(to: [active.count, hidden.shape[2]]), runtime)
            }
            step = DecodeStep(
                sequenceCount: active.count, generation: cache.generation, batch: batch, pass: pass)
            logits = pass.result.view
        }
        draw(logits, for: active.indices)
    }

    /// Draws a token for some active sequences from their rows of logits, and lets those that are finished go.
    private func draw(_ logits: BufferView, for range: Range<Int>) {
        let ids = runtime.empty([range.count], .int32)
        let logProbs = runtime.empty([range.count], logitType)
        runtime.run(
            .drawTokens(
                TokenDraw(logits: logits, rows: active[range].map(\.draw), ids: ids.view, logProbs: logProbs.view)))
        let drawn = zip(ids.int32s(), logProbs.doubles())
        var finished: [Int] = []
        for (slot, (id, logProb)) in zip(range, drawn) {
            guard let result = active[slot].extend(id, logProb, decode) else { continue }
            results[active[slot].index] = result
            cache.release(active[slot].cached)
            finished.append(slot)
        }
        for slot in finished.reversed() {
            active.swapAt(slot, active.count - 1)
            active.removeLast()
        }
    }

    /// hidden [B, C]; result [B, V].
    private func logits(_ hidden: Tensor, _ runtime: Runtime) -> Tensor {
        let head = decoder.head.compute.view
        let logits = runtime.empty([hidden.shape[0], head.shape[0]], logitType)
        runtime.run(.matmul(Matmul(hidden.view, head.transposed(0, 1), into: logits.view)))
        return logits
    }

    private var logitType: DType { decoder.dtype == .float64 ? .float64 : .float32 }
}

/// The recorded pass of a number of sequences; it holds while their number and the cache's memory do.
private struct DecodeStep {
    let sequenceCount: Int
    let generation: Int
    let batch: CachedBatch
    let pass: RecordedPass
}
