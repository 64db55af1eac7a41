import Core
import Testing

// p ranks, m micro-batches, v chunks a rank

@Suite struct PipelineScheduleTests {
    /// A whole backward takes as long as its halves.
    private static func timeline(_ schedule: PipelineSchedule) throws -> PipelineTimeline {
        try PipelineTimeline(schedule) { $0 == .backward ? 2 : 1 }
    }

    private static func schedules(_ p: Int, _ m: Int) -> [PipelineSchedule] {
        let plain = PipelineShape(ranks: p, microBatches: m)
        let loops = (1...3).map { PipelineShape(ranks: p, microBatches: m, chunks: $0) }
        let vee = PipelineShape(ranks: p, microBatches: m, chunks: 2, order: .vee)
        return loops.map { .gpipe($0) } + loops.filter { $0.chunkCount == 1 || m % p == 0 }.map { .oneForwardOneBackward($0) }
            + [.gpipe(vee), .zeroBubbleH1(plain), .zeroBubbleV(vee)]
    }

    @Test(arguments: 1...8, [1, 2, 3, 4, 7, 8, 16])
    func `every schedule can be run to its end`(p: Int, m: Int) throws {
        for schedule in Self.schedules(p, m) {
            let timeline = try Self.timeline(schedule)
            #expect(timeline.spans.count == schedule.actions.reduce(0) { $0 + $1.count })
            #expect(timeline.duration >= Double(3 * m * schedule.shape.chunkCount))
        }
    }

    @Test func `waiting and memory are those of the papers`() throws {
        let (p, m) = (4, 16)
        let plain = PipelineShape(ranks: p, microBatches: m)
        let gpipe = try Self.timeline(.gpipe(plain))
        #expect(gpipe.bubble == 3.0 / 16 && gpipe.peakAlive == [16, 16, 16, 16])
        let alternating = try Self.timeline(.oneForwardOneBackward(plain))
        #expect(alternating.bubble == 3.0 / 16 && alternating.peakAlive == [4, 3, 2, 1])
        let interleaved = try Self.timeline(.oneForwardOneBackward(PipelineShape(ranks: p, microBatches: m, chunks: 2)))
        // Narayanan et al. 2021: (p - 1) / (v m); 2 (p - 1) + (v - 1) p + 1 chunks alive on the first rank.
        #expect(interleaved.bubble == 3.0 / 32 && interleaved.peakAlive == [11, 9, 7, 5])
        let h1 = try Self.timeline(.zeroBubbleH1(plain))
        #expect(h1.bubble == 3.0 / 48 && h1.peakAlive == [4, 4, 4, 4])
        // Micro-batches that are scored and not yet on their way back.
        #expect([gpipe, alternating, interleaved, h1].map(\.schedule.scoredCount) == [16, 1, 1, 1])
        let vee = try Self.timeline(.zeroBubbleV(PipelineShape(ranks: p, microBatches: m, chunks: 2, order: .vee)))
        // Only the first way through the ranks, (p - 1) chunks' forwards, of 2 * 3 m.
        #expect(vee.bubble == 3.0 / 96 && vee.peakAlive.allSatisfy { $0 <= 2 * p })
    }

    @Test func `a V has its first and its last stage on the first rank`() {
        let shape = PipelineShape(ranks: 3, microBatches: 1, chunks: 2, order: .vee)
        #expect((0..<6).map { shape.place(ofStage: $0).rank } == [0, 1, 2, 2, 1, 0])
        for stage in 0..<6 {
            let place = shape.place(ofStage: stage)
            #expect(shape.stage(rank: place.rank, chunk: place.chunk) == stage)
        }
    }

    @Test func `what cannot be run is found before it is`() {
        let shape = PipelineShape(ranks: 2, microBatches: 3)
        func fault(_ change: (inout [[PipelineAction]]) -> Void) -> String? {
            var actions = PipelineSchedule.oneForwardOneBackward(shape).actions
            change(&actions)
            do { _ = try Self.timeline(PipelineSchedule(shape, actions)) } catch { return "\(error)" }
            return nil
        }
        #expect(fault { _ in } == nil)
        #expect(fault { $0[1].removeLast() } == "rank 1 lacks a forward or a backward of micro-batch 2, chunk 0")
        #expect(fault { $0[0].append($0[0][0]) } == "rank 0 does F0 twice")
        #expect(fault { $0[1].swapAt(0, 1) } == "rank 0 waits at B0 for ever, rank 1 waits at B0 for ever")
        #expect(fault { $0[0].append(PipelineAction(.forward, microBatch: 9)) }?.contains("do not exist") == true)
        #expect(
            fault { $0[0].append(PipelineAction(.backwardWeight, microBatch: 0)) }
                == "rank 0 lacks a forward or a backward of micro-batch 0, chunk 0")
    }

    @Test func `a timeline has a box for each action`() throws {
        let timeline = try Self.timeline(.zeroBubbleH1(PipelineShape(ranks: 2, microBatches: 2)))
        #expect(timeline.svg.split(separator: "\n").count(where: { $0.hasPrefix("<rect x=") }) == 12)
        #expect(timeline.svg.contains("waiting 16.7 % of the work"))
    }
}
