/// One round of a benchmark of generation: a run with all steps and one without, and passes of reading around each.
struct GenerationRound {
    /// Of the run with all steps.
    let seconds: Double
    /// Of the run that ends with the first token.
    let prefillSeconds: Double
    let stepsPerSecond: Double
    /// Of each pass; empty where host threads do not read memory.
    let readBytesPerSecond: [Double]

    /// - Parameters:
    ///   - steps: how many more the whole run takes.
    ///   - reading: reads as many bytes as a step does.
    init(
        steps: Int, _ reading: ReadSpeed?, whole: () throws -> Void, prefill: () throws -> Void
    ) rethrows {
        func reads() -> [Double] { reading.map { reading in (0..<4).map { _ in reading.bytesPerSecond() } } ?? [] }
        let before = reads()
        seconds = try Stopwatch.seconds(whole)
        let between = reads()
        prefillSeconds = try Stopwatch.seconds(prefill)
        readBytesPerSecond = before + between
        stepsPerSecond = Double(steps) / (seconds - prefillSeconds)
    }

    /// The bytes that steps read a second, over what reading alone reaches beside them.
    func fraction(ofReading stepBytes: Int) -> Double {
        Double(stepBytes) * stepsPerSecond / Stopwatch.median(readBytesPerSecond)
    }
}
