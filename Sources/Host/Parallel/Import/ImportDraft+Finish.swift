import JSON
import PluginAPI

extension ImportDraft {
    /// Works out what several keys say together: ranks of the data axis, samples of a step, the rate of the schedule.
    mutating func finish() {
        if let peakRate { set("optimizer.lr", peakRate) }
        finishDataAxis()
        finishBatch()
        if !layout.section.members.isEmpty { set("parallel", layout.section) }
    }

    /// The ranks that other axes leave.
    private mutating func finishDataAxis() {
        layout.dataStrategy = strategy ?? impliedStrategy
        let others = layout.otherRanks
        if replicaCount != nil || shardCount != nil {
            layout.dataSize = (replicaCount ?? 1) * (shardCount ?? 1)
            if let shardCount, shardCount > 1 {
                if layout.dataStrategy == .data { layout.dataStrategy = .zero3 }
                layout.shard = shardCount
            }
            rankCount = rankCount ?? layout.dataSize * others
        } else if let rankCount, rankCount % others == 0 {
            layout.dataSize = rankCount / others
        } else if rankCount == nil, let size = batch.size, let micro = batch.micro, let steps = batch.accumulation,
            size % (micro * steps) == 0
        {
            layout.dataSize = size / (micro * steps)
        } else if rankCount == nil {
            problems.append(
                InputProblem(
                    "--ranks", "is missing: the file does not say how many ranks there are",
                    fix: "--ranks 8"))
            return
        }
        if let rankCount, rankCount != layout.dataSize * others {
            problems.append(
                InputProblem(
                    "--ranks",
                    "found \(rankCount) ranks, the sizes of the file make \(layout.dataSize * others) or more "
                        + "(\(layout.tensorSize) tensor x \(layout.pipelineSize) pipeline x \(layout.contextSize) context)"))
        }
        if shardsWithinMachines, let machineCount, layout.dataSize % machineCount == 0 {
            layout.shard = layout.dataSize / machineCount
        }
        if let shard = layout.shard, layout.dataStrategy != .data, layout.dataSize % shard != 0 {
            problems.append(
                InputProblem(
                    "parallel.data.shard", "the file asks for \(shard) ranks to a copy, which do not divide the "
                        + "\(layout.dataSize) data ranks"))
        }
    }

    /// DeepSpeed's rule: size = micro x accumulation x data ranks, of which what is missing follows.
    private mutating func finishBatch() {
        let ranks = layout.dataSize
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
