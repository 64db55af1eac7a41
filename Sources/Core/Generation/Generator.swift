/// Continues prompts with a decoder, many at once.
///
/// Prompts are read once each, whatever the number of samples of them; then all active sequences take one token a step
/// in one batch, finished ones leave it, and waiting ones join. Random numbers are keyed by request and position, and
/// every operation treats its rows apart, so a request's result does not depend on its company.
public final class Generator {
    private let decoder: DecoderModel
    private let runtime: Runtime
    private let concurrency: Int
    private let prefillTokens: Int
    private let decode: (([Int32]) -> String)?

    /// - Parameters:
    ///   - decoder: read at each call, so that it may be trained in between.
    ///   - concurrency: the most sequences that are continued at once; bounds the cache's memory.
    ///   - prefillTokens: about how many prompt tokens are read at once; bounds the activations' memory.
    ///   - decode: turns tokens into text; needed by requests with stop strings.
    public init(
        _ decoder: DecoderModel, _ runtime: Runtime, concurrency: Int = 256, prefillTokens: Int = 8192,
        decode: (([Int32]) -> String)? = nil
    ) {
        precondition(concurrency > 0, "generator: concurrency \(concurrency)")
        self.decoder = decoder
        self.runtime = runtime
        self.concurrency = concurrency
        self.prefillTokens = prefillTokens
        self.decode = decode
    }

    /// Results in the order of the requests.
    /// - Throws: `GenerationError` with all problems of all requests.
    public func generate(_ requests: [GenerationRequest]) throws -> [GenerationResult] {
        let problems = requests.enumerated().flatMap { index, request in
            request.problems(for: decoder.configuration, decodes: decode != nil).map { "request \(index): \($0)" }
        }
        if !problems.isEmpty { throw GenerationError(problems: problems) }
        return GenerationRun(
            requests, decoder, runtime, slots: min(concurrency, max(requests.count, 1)), prefillTokens: prefillTokens,
            decode: decode
        ).run()
    }
}
