import JSON
import PluginAPI

extension ImportDraft {
    /// Works out what several keys say together: ranks of the data axis, samples of a step, the rate of the schedule.
    mutating func finish() {
        if let peakRate { set("optimizer.lr", peakRate) }
        finishDataAxis()
        finishBatch()
        var found: [InputProblem] = []
        if ParallelSettings(layout.resolved, problems: &found).rankCount > 1 { set("parallel", layout.short) }
        problems += found
    }

    /// The ranks that other axes leave.
    private mutating func finishDataAxis() {
        layout.data.strategy = strategy ?? impliedStrategy
        let others = layout.tensor.size * layout.pipeline.size * layout.context.size
        if replicaCount != nil || shardCount != nil {
            layout.data.size = (replicaCount ?? 1) * (shardCount ?? 1)
            if let shardCount, shardCount > 1 {
                if layout.data.strategy == .data { layout.data.strategy = .zero3 }
                layout.data.shard = shardCount
            }
            rankCount = rankCount ?? layout.data.size * others
        } else if let rankCount, rankCount % others == 0 {
            layout.data.size = rankCount / others
        } else if rankCount == nil, let size = batch.size, let micro = batch.micro, let steps = batch.accumulation,
            size % (micro * steps) == 0
        {
            layout.data.size = size / (micro * steps)
        } else if rankCount == nil {
            problems.append(
                InputProblem(
                    "--ranks", "is missing: the file does not say how many ranks there are",
                    fix: "--ranks 8"))
            return
        }
        if let rankCount, rankCount != layout.data.size * others {
            problems.append(
                InputProblem(
                    "--ranks",
                    "found \(rankCount) ranks, the sizes of the file make \(layout.data.size * others) or more "
                        + "(\(layout.tensor.size) tensor x \(layout.pipeline.size) pipeline x \(layout.context.size) context)"))
        }
        if shardsWithinMachines, let machineCount, layout.data.size % machineCount == 0 {
            layout.data.shard = layout.data.size / machineCount
        }
        if layout.data.shard == layout.data.size { layout.data.shard = nil }
        if layout.data.strategy == .data { layout.data.shard = nil }
    }

    /// DeepSpeed's rule: size = micro x accumulation x data ranks, of which what is missing follows.
    private mutating func finishBatch() {
        let ranks = layout.data.size
        func wrong(_ text: String) { problems.append(InputProblem("batch", text)) }
        switch (batch.size, batch.micro, batch.accumulation) {
        case (let size?, let micro?, let steps?):
            if size != micro * steps * ranks {
                let product = "\(micro) x \(steps) micro-batches x \(ranks) data ranks = \(micro * steps * ranks)"
                wrong("\(size) samples are not \(product)")
            }
        case (let size?, let micro?, nil):
            if size % (micro * ranks) != 0 {
                wrong("\(size) samples cannot be divided into micro-batches of \(micro) on \(ranks) data ranks")
            }
        case (let size?, nil, let steps):
            let parts = (steps ?? 1) * ranks
            if size % parts != 0 { wrong("\(size) samples cannot be divided into \(parts) micro-batches") }
            batch.micro = max(1, size / parts)
        case (nil, let micro?, let steps): batch.size = micro * (steps ?? 1) * ranks
        case (nil, nil, let steps?):
            // Its micro-batch is the recipe's own.
            let product = "\(steps * ranks) x batch.micro (\(steps) micro-batches on \(ranks) data ranks)"
            assume("batch", "write batch.size: \(product)")
        case (nil, nil, nil): break
        }
        if let size = batch.size { set("batch.size", .integer(size)) }
        if let micro = batch.micro { set("batch.micro", .integer(micro)) }
    }
}
