internal import Random

/// A sequence that is being continued.
struct ActiveSequence {
    /// The number of its request.
    let index: Int
    /// The cache has all tokens but the latest.
    var cached: CachedSequence
    private let request: GenerationRequest
    private let source: Philox
    private var ids: [Int32] = []
    private var logProbs: [Double] = []
    /// The tokens that a penalty is for, in order of appearance.
    private var seen: [Int32] = []
    private var isSeen: Set<Int32> = []

    init(_ index: Int, _ request: GenerationRequest, _ cached: CachedSequence) {
        self.index = index
        self.request = request
        self.cached = cached
        source = Philox(seed: request.seed, stream: "generate/\(request.index)")
        for id in request.prompt { see(id) }
    }

    /// The newest token, which the model has not read yet.
    var latest: Int32 { ids.last ?? 0 }

    /// What the next token is drawn by.
    var draw: TokenDraw.Row {
        TokenDraw.Row(
            temperature: request.temperature, topK: request.topK, topP: request.topP, minP: request.minP,
            repetitionPenalty: request.repetitionPenalty, seen: seen,
            uniform: source.uniform(at: UInt64(request.prompt.count + ids.count)))
    }

    /// Takes a drawn token; returns the result when it was the last.
    /// - Parameter decode: turns tokens into text, where requests have stop strings.
    mutating func extend(_ id: Int32, _ logProb: Double, _ decode: (([Int32]) -> String)?) -> GenerationResult? {
        ids.append(id)
        logProbs.append(logProb)
        see(id)
        let stoppedText = textBeforeStop(decode)
        let isStopped = stoppedText != nil || !request.ignoresStop && request.stopIDs.contains(id)
        guard isStopped || ids.count == request.maximumNewTokens else { return nil }
        return GenerationResult(
            ids: ids, logProbs: logProbs, finishReason: isStopped ? .stop : .length, stoppedText: stoppedText)
    }

    private mutating func see(_ id: Int32) {
        if request.repetitionPenalty != 1, isSeen.insert(id).inserted { seen.append(id) }
    }

    /// The text before the first stop string, nil when it has none.
    private func textBeforeStop(_ decode: (([Int32]) -> String)?) -> String? {
        guard let decode, !request.stopStrings.isEmpty else { return nil }
        // Tokens are no characters of their own, so the text is made anew each time.
        let text = decode(ids)
        let starts = request.stopStrings.compactMap { text.firstRange(of: $0)?.lowerBound }
        return starts.min().map { String(text[..<$0]) }
    }
}
