/// The common part of the `py` shuffles: shards are spans of samples, shuffled once a run, cut at the borders of the
/// canonical nodes, and shuffled inside each node once an epoch.
extension MosaicShuffle {
    func py1(epoch: Int, _ layout: ShardLayout) -> [Int] {
        var run = NumPyGenerator(seed: seed)
        var shards = (0..<layout.shardCount).map(layout.range(ofShard:))
        run.shuffle(&shards)
        var nodes = divide(shards, layout.count)
        var random = NumPyGenerator(seed: seed &+ UInt64(epoch))
        for node in nodes.indices { random.shuffle(&nodes[node]) }
        switch algorithm {
        case .py1e: return nodes.flatMap { extended($0, &random) }
        case .py1br: return blocks(nodes, layout.count, &random)
        default: return nodes.joined().flatMap { shuffled($0, &random) }
        }
    }

    /// Cuts the sequence of spans into one list a canonical node, splitting spans at the borders.
    private func divide(_ spans: [Range<Int>], _ sampleCount: Int) -> [[Range<Int>]] {
        var rest = spans[...]
        var taken = 0
        return (1...canonicalNodeCount).map { node in
            let end = sampleCount * node / canonicalNodeCount
            var part: [Range<Int>] = []
            while let span = rest.first {
                if end < taken + span.count {
                    if taken < end {
                        let split = span.lowerBound + end - taken
                        part.append(span.lowerBound..<split)
                        rest[rest.startIndex] = split..<span.upperBound
                        taken = end
                    }
                    break
                }
                part.append(span)
                rest.removeFirst()
                taken += span.count
            }
            return part
        }
    }

    private func shuffled(_ span: Range<Int>, _ random: inout NumPyGenerator) -> [Int] {
        var ids = Array(span)
        random.shuffle(&ids)
        return ids
    }

    /// py1e: every sample of a span moves by a uniform shift, so that spans overlap by about a block.
    private func extended(_ spans: [Range<Int>], _ random: inout NumPyGenerator) -> [Int] {
        var ids: [Int] = []
        for span in spans { ids += shuffled(span, &random) }
        var places = ids.indices.map(Double.init)
        var offset = 0
        for span in spans {
            let block = random.integer(Int(0.75 * Double(blockSize)), Int(1.25 * Double(blockSize)))
            let reach = max(0, Double(block - span.count) / 2)
            let low = max(-reach, -Double(offset))
            let high = min(reach, Double(ids.count - offset - span.count))
            for place in offset..<offset + span.count { places[place] += random.uniform(low, high) }
            offset += span.count
        }
        let sorted = ids.indices.sorted { (places[$0], $0) < (places[$1], $1) }
        return sorted.map { ids[$0] }
    }

    /// py1br: blocks of random size, staggered a node, are shuffled.
    private func blocks(_ nodes: [[Range<Int>]], _ sampleCount: Int, _ random: inout NumPyGenerator) -> [Int] {
        var ids = nodes.joined().flatMap { Array($0) }
        let staggers = nodes.map { _ in random.integer(0, Int(0.75 * Double(blockSize))) }
        var start = 0
        for (spans, stagger) in zip(nodes, staggers) {
            let stop = start + spans.reduce(0) { $0 + $1.count }
            var ranges: [Range<Int>] = []
            var end = start
            while end < stop {
                let size = random.integer(Int(0.75 * Double(blockSize)), Int(1.25 * Double(blockSize)))
                let first = max(end - stagger, start)
                let last = min(end + size - stagger, stop)
                ranges.append(first..<last)
                end += last - first
            }
            for range in ranges { random.shuffle(&ids, range) }
            start = stop
        }
        return ids
    }

    /// py2s: shuffles inside whole shards once a run, then inside the parts of each node once an epoch.
    func py2s(epoch: Int, _ layout: ShardLayout) -> [Int] {
        var run = NumPyGenerator(seed: seed)
        var shards = (0..<layout.shardCount).map { Array(layout.range(ofShard: $0)) }
        run.shuffle(&shards)
        for shard in shards.indices { run.shuffle(&shards[shard]) }
        let flat = Array(shards.joined())
        var starts = [0]
        for shard in shards { starts.append(starts[starts.count - 1] + shard.count) }
        let spans = zip(starts, starts.dropFirst()).map { $0..<$1 }
        var random = NumPyGenerator(seed: seed &+ UInt64(epoch))
        var ids: [Int] = []
        for var part in divide(spans, layout.count) {
            random.shuffle(&part)
            for span in part {
                var samples = Array(flat[span])
                random.shuffle(&samples)
                ids += samples
            }
        }
        return ids
    }
}
