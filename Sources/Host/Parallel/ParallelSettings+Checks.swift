package import Core
package import PluginAPI

extension ParallelSettings {
    /// What a layout must suit.
    package struct Work: Sendable, Hashable {
        package var configuration: DecoderConfiguration
        /// Experts of a block; nil = the model has none.
        package var expertCount: Int?
        /// Experts that each token is sent to.
        package var expertsPerToken = 1
        /// Samples of an optimizer step over all ranks, and of a micro-batch of one rank.
        package var batchSize: Int
        package var microBatchSize: Int
        /// Tokens of the longest sequence.
        package var sequenceLength: Int

        package init(
            _ configuration: DecoderConfiguration, expertCount: Int? = nil, batchSize: Int, microBatchSize: Int,
            sequenceLength: Int
        ) {
            (self.configuration, self.expertCount) = (configuration, expertCount)
            (self.batchSize, self.microBatchSize, self.sequenceLength) = (batchSize, microBatchSize, sequenceLength)
        }
    }

    /// Samples of an optimizer step on a rank, at most.
    package func sampleCount(of work: Work) -> Int { ParallelSettings.quotient(work.batchSize, sampleRankCount) }

    /// Micro-batches of an optimizer step on each rank; ranks with fewer samples have empty ones.
    package func microBatchCount(of work: Work) -> Int {
        ParallelSettings.quotient(sampleCount(of: work), work.microBatchSize)
    }

    private static func quotient(_ a: Int, _ b: Int) -> Int { (a + b - 1) / b }

    /// Everything that keeps a model and its batch from being trained in this layout.
    package func problems(for work: Work) -> [InputProblem] {
        tensorProblems(work.configuration) + pipelineProblems(work) + contextProblems(work) + expertProblems(work)
    }

    private func tensorProblems(_ model: DecoderConfiguration) -> [InputProblem] {
        let ranks = tensor.size
        let (heads, keyHeads) = (model.headCount, model.keyValueHeadCount)
        var problems: [InputProblem] = []
        func add(_ message: String, _ divisors: Set<Int>) {
            let fix = divisors.sorted().map(String.init).joined(separator: ", ")
            problems.append(InputProblem("parallel.tensor.size", message, fix: "a size out of \(fix)"))
        }
        let good = Set(1...max(heads, 1)).filter {
            heads % $0 == 0 && (keyHeads % $0 == 0 || $0 % keyHeads == 0) && model.mlpWidth % $0 == 0
        }
        if heads % ranks != 0 { add("\(heads) attention heads cannot be divided by \(ranks) ranks", good) }
        if keyHeads % ranks != 0, ranks % keyHeads != 0 {
            add("\(keyHeads) key/value heads can neither be divided by \(ranks) ranks nor be shared by them evenly", good)
        }
        if model.mlpWidth % ranks != 0 {
            add("\(model.mlpWidth) feed-forward features cannot be divided by \(ranks) ranks", good)
        }
        return problems
    }

    private func pipelineProblems(_ work: Work) -> [InputProblem] {
        guard pipeline.size > 1 else { return [] }
        var problems: [InputProblem] = []
        let (layers, stages) = (work.configuration.layers.count, pipeline.stageCount)
        if stages > layers {
            let chunks = pipeline.chunkCount > 1 ? " (\(pipeline.size) ranks x \(pipeline.chunkCount) chunks)" : ""
            problems.append(
                InputProblem(
                    "parallel.pipeline.size", "\(stages) stages\(chunks) for the \(layers) layers of the model",
                    fix: "\(layers) stages at most"))
        }
        if let list = pipeline.layers, list.reduce(0, +) != layers {
            let sum = list.map(String.init).joined(separator: " + ")
            problems.append(
                InputProblem(
                    "parallel.pipeline.layers", "\(sum) = \(list.reduce(0, +)), the model has \(layers) layers"))
        }
        let count = microBatchCount(of: work)
        if pipeline.schedule == .interleaved, count % pipeline.size != 0 {
            problems.append(
                InputProblem(
                    "parallel.pipeline.schedule",
                    "interleaved wants a multiple of \(pipeline.size) micro-batches, found \(count) "
                        + "(\(work.batchSize) samples over \(sampleRankCount) ranks, \(work.microBatchSize) at a time)",
                    fix: "another batch.size or batch.micro, or schedule: 1f1b"))
        }
        return problems
    }

    private func contextProblems(_ work: Work) -> [InputProblem] {
        // Rows are filled up to equal parts, and key/value heads are sent to all ranks that read them.
        guard context.size > 1, context.strategy == .ulysses, tensorProblems(work.configuration).isEmpty else {
            return []
        }
        let heads = work.configuration.headCount / tensor.size
        if heads % context.size == 0 { return [] }
        let share = tensor.size > 1 ? " of each tensor rank" : ""
        return [
            InputProblem(
                "parallel.context.strategy",
                "ulysses cannot divide \(heads) attention heads\(share) by \(context.size) ranks", fix: "strategy: ring")
        ]
    }

    private func expertProblems(_ work: Work) -> [InputProblem] {
        guard expert.size > 1 else { return [] }
        guard let count = work.expertCount else {
            let message = "found \(expert.size), the model has no experts"
            return [InputProblem("parallel.expert.size", message, fix: "expert: 1")]
        }
        guard count % expert.size != 0 else { return [] }
        return [InputProblem("parallel.expert.size", "\(count) experts cannot be divided by \(expert.size) ranks")]
    }
}
