// B rows, T tokens of a row, C width

internal import Core

/// Takes the micro-batches of one optimizer step through this rank's stages, in the order of its pipeline schedule.
///
/// A rank alone is a pipeline of one stage. Activations go to the next stage and gradients come back as messages, whose
/// channels are numbered by micro-batch and stage, so that every schedule finds its own.
struct StagePass {
    private let policy: PolicyModel
    private let batches: [MicroBatch]
    private let layouts: [BatchLayout]
    /// Whether each micro-batch has positions to score.
    private let hasWork: [Bool]
    private let settings: ObjectiveSettings
    private let shape: PipelineShape
    private let ranks: Communicator
    private var flights: [Flight.ID: Flight] = [:]
    /// What goes from one stage to the next on the same rank.
    private var handed: [Int32: Tensor] = [:]
    private var sent: [PendingCollective] = []
    /// See `PipelineSchedule.scoredCount`.
    private var scoredCount = 1

    /// A micro-batch in a stage, between its forward and its backward.
    fileprivate struct Flight {
        struct ID: Hashable {
            let microBatch: Int
            let chunk: Int
        }

        let graph: Graph
        let input: Tensor?
        let output: Tensor?
        /// What routers of the stages before have summed up, and of these and this one.
        let routers: (before: RouterSums?, after: RouterSums?)
        let seeds: [(Tensor, gradient: Tensor)]
        /// Taken by the next stage when its gradient is back.
        let sending: PendingCollective?
        var deferred: [() -> Void] = []
    }

    init(_ policy: PolicyModel, _ batches: [MicroBatch], _ settings: ObjectiveSettings) {
        (self.policy, self.batches, self.settings) = (policy, batches, settings)
        let layouts = batches.map { BatchLayout($0.sequences) }
        hasWork = layouts.map { !$0.sequenceIndex.isEmpty }
        // Where ranks meet inside of blocks, those without work take a token of no weight through them.
        let filler = BatchLayout([TokenSequence(ids: [0], trained: [false])])
        self.layouts = zip(layouts, hasWork).map { layout, hasWork in
            (hasWork || !policy.plan.meetsAcrossSamples ? layout : filler).part(policy.plan.tokens)
        }
        shape = policy.plan.pipeline.shape(microBatches: max(batches.count, 1))
        ranks = policy.plan.mesh.along(.pipeline)
    }

    /// Forward and backward; gradients end up in the arenas.
    /// - Parameter objective: called on the rank that has the head: the outputs from which a micro-batch's gradients
    ///   start.
    mutating func train(_ objective: (TokenScores, MicroBatch) throws -> [(Tensor, gradient: Tensor)]) throws {
        policy.arenas.startStep(microBatches: batches.count)
        let schedule = policy.plan.pipeline.schedule(microBatches: batches.count)
        scoredCount = schedule.scoredCount
        for action in batches.isEmpty ? [] : schedule.actions[ranks.rank] {
            switch action.kind {
            case .forward: try policy.runtime.phase("forward") { try forward(action, isRecording: true, objective) }
            case .backward: policy.runtime.phase("backward") { backward(action, .all) }
            case .backwardInput: policy.runtime.phase("backward") { backward(action, .inputs) }
            case .backwardWeight: policy.runtime.phase("backward") { backwardWeights(action) }
            }
        }
        policy.arenas.finishStep()
        try finish()
    }

    /// Forward only.
    /// - Parameter body: called on the rank that has the head.
    mutating func forward(_ body: (TokenScores, MicroBatch) throws -> Void) throws {
        for microBatch in batches.indices {
            for chunk in policy.stages.indices {
                try forward(PipelineAction(.forward, microBatch: microBatch, chunk: chunk), isRecording: false) {
                    try body($0, $1)
                    return []
                }
            }
        }
        try finish()
    }

    private mutating func finish() throws {
        for message in sent { message.finish() }
        sent = []
        try policy.plan.mesh.link.check()
    }

    // MARK: actions

    private mutating func forward(
        _ action: PipelineAction, isRecording: Bool,
        _ objective: (TokenScores, MicroBatch) throws -> [(Tensor, gradient: Tensor)]
    ) throws {
        let (layout, stage) = (layouts[action.microBatch], policy.stages[action.chunk])
        let hasWork = hasWork[action.microBatch]
        guard hasWork || policy.plan.meetsAcrossSamples else { return policy.arenas.idleForward(action.chunk) }
        let graph = Graph(policy.runtime, recording: isRecording)
        let tokens = layout.tokens(policy.runtime)
        policy.arenas.startForward(action.chunk)
        let input = stage.stage.isFirst ? nil : graph.leaf(
            receive(.activation, action, stage, layout, isRecording: isRecording))
        let routers = RouterRecord()
        let before = input == nil ? nil : receiveRouters(action, stage, layout, graph)
        if let before { routers.add(graph, before) }
        var x = input ?? stage.embed(graph, tokens)
        x = stage.applyBlocks(graph, x, stage.context(tokens, routers: routers))
        var seeds: [(Tensor, gradient: Tensor)] = []
        var sending: PendingCollective?
        if stage.stage.isLast {
            if hasWork {
                let scores = policy.score(
                    stage, stage.normalize(graph, x), routers, layout, batches[action.microBatch], on: graph, settings,
                    aliveCount: scoredCount)
                seeds = try objective(scores, batches[action.microBatch])
            }
            // Backward comes by where ranks meet even when nothing here weighs anything.
            if isRecording, seeds.isEmpty, policy.plan.meetsAcrossSamples {
                seeds = [(x, gradient: policy.runtime.zeros(x.shape, x.dtype))]
            }
        } else {
            sending = send(x.detached, .activation, action)
            if let sums = routers.sums { sendRouters(sums, action) }
        }
        policy.arenas.endForward(action.chunk)
        guard isRecording else {
            sent += sending.map { [$0] } ?? []
            return
        }
        flights[action.id] = Flight(
            graph: graph, input: input, output: stage.stage.isLast ? nil : x,
            routers: (before, stage.stage.isLast ? nil : routers.sums), seeds: seeds, sending: sending)
    }

    private mutating func backward(_ action: PipelineAction, _ kind: ArenaExchange.Backward) {
        policy.arenas.startBackward(action.chunk, kind)
        defer { policy.arenas.endBackward(action.chunk) }
        guard var flight = flights.removeValue(forKey: action.id) else { return }
        var seeds = flight.seeds
        if let output = flight.output {
            let stage = policy.stages[action.chunk]
            let gradient = receive(.gradient, action, stage, layouts[action.microBatch], isRecording: true)
            seeds = [(output, gradient: gradient)]
            flight.sending?.finish()
            if let sums = flight.routers.after { seeds += receiveRouterGradients(sums, action) }
        }
        let deferred = flight.graph.backward(from: seeds, deferringWeights: kind == .inputs)
        if let input = flight.input {
            let gradient = flight.graph.gradient(of: input) ?? policy.runtime.zeros(input.shape, input.dtype)
            if let message = send(gradient, .gradient, action) { sent.append(message) }
            if let sums = flight.routers.before { sendRouterGradients(of: sums, flight.graph, action) }
        }
        if kind == .inputs {
            flight.deferred = deferred
            flights[action.id] = flight
        }
    }

    private mutating func backwardWeights(_ action: PipelineAction) {
        policy.arenas.startBackward(action.chunk, .weights)
        for compute in flights.removeValue(forKey: action.id)?.deferred ?? [] { compute() }
        policy.arenas.endBackward(action.chunk)
    }

    // MARK: messages

    private enum Content: Int32 { case activation, gradient, routers, routerGradients }

    /// The stage to which, or from which, an action's message goes, and its channel: numbered by the stage before the
    /// border.
    private func border(_ content: Content, _ action: PipelineAction, isSending: Bool) -> (rank: Int, channel: Int32) {
        let stage = shape.stage(rank: ranks.rank, chunk: action.chunk)
        let isForward = (content == .activation || content == .routers) == isSending
        let other = isForward ? stage + 1 : stage - 1
        let number = Int32(4 * (action.microBatch * shape.stageCount + min(stage, other)))
        return (shape.place(ofStage: other).rank, 1 + number + content.rawValue)
    }

    private mutating func send(_ x: Tensor, _ content: Content, _ action: PipelineAction) -> PendingCollective? {
        let (rank, channel) = border(content, action, isSending: true)
        if rank == ranks.rank {
            handed[channel] = x
            return nil
        }
        return ranks.start(.send(x.contiguous(), to: rank, channel: channel))
    }

    /// Activations [B, T, C] or their gradient; what ranks keep of the tokens between layers where they are recorded.
    private mutating func receive(
        _ content: Content, _ action: PipelineAction, _ stage: DecoderModel, _ layout: BatchLayout, isRecording: Bool
    ) -> Tensor {
        let length = layout.rowLength / (isRecording ? policy.plan.tokens.streamRanks : 1)
        return receive(content, action, [layout.rowCount, length, stage.configuration.width], stage.dtype)
    }

    private mutating func receive(
        _ content: Content, _ action: PipelineAction, _ shape: [Int], _ dtype: DType
    ) -> Tensor {
        let (rank, channel) = border(content, action, isSending: false)
        if let x = handed.removeValue(forKey: channel) { return x }
        let x = policy.runtime.empty(shape, dtype)
        ranks.run(.receive(x, from: rank, channel: channel))
        return x
    }

    // MARK: sums of routers, which go along with the activations since their loss is of all layers at once

    private mutating func sendRouters(_ sums: RouterSums, _ action: PipelineAction) {
        let packed = policy.runtime.packed([sums.probabilities, sums.counts, sums.squares])
        if let message = send(packed, .routers, action) { sent.append(message) }
    }

    /// E probabilities, E counts and the squares of the stages before; nil where none of them has experts.
    private mutating func receiveRouters(
        _ action: PipelineAction, _ stage: DecoderModel, _ layout: BatchLayout, _ graph: Graph
    ) -> RouterSums? {
        let configuration = stage.configuration
        let layers = configuration.layers[..<stage.stage.layers.lowerBound].count(where: \.hasExperts)
        guard let experts = configuration.experts?.count, layers > 0 else { return nil }
        let dtype: DType = stage.dtype == .float64 ? .float64 : .float32
        let packed = receive(.routers, action, [2 * experts + 1], dtype)
        func part(_ range: Range<Int>) -> Tensor {
            Tensor(packed.view.sliced(dim: 0, range).reshaped(to: [1, range.count]), packed.runtime)
        }
        return RouterSums(
            probabilities: graph.leaf(part(0..<experts)), counts: part(experts..<2 * experts),
            squares: graph.leaf(part(2 * experts..<2 * experts + 1)), rowCount: layers * layout.tokenCount)
    }

    private mutating func sendRouterGradients(of sums: RouterSums, _ graph: Graph, _ action: PipelineAction) {
        let gradients = [sums.probabilities, sums.squares].map {
            graph.gradient(of: $0) ?? policy.runtime.zeros($0.shape, $0.dtype)
        }
        if let message = send(policy.runtime.packed(gradients), .routerGradients, action) { sent.append(message) }
    }

    private mutating func receiveRouterGradients(
        _ sums: RouterSums, _ action: PipelineAction
    ) -> [(Tensor, gradient: Tensor)] {
        let experts = sums.probabilities.elementCount
        let packed = receive(.routerGradients, action, [experts + 1], sums.probabilities.dtype)
        func part(_ range: Range<Int>) -> Tensor {
            Tensor(packed.view.sliced(dim: 0, range).reshaped(to: [1, range.count]), packed.runtime)
        }
        return [(sums.probabilities, gradient: part(0..<experts)), (sums.squares, gradient: part(experts..<experts + 1))]
    }
}

extension Runtime {
    /// The elements of several tensors of one type behind each other, outside of any graph.
    fileprivate func packed(_ tensors: [Tensor]) -> Tensor {
        let packed = empty([tensors.reduce(0) { $0 + $1.elementCount }], tensors[0].dtype)
        var start = 0
        for tensor in tensors {
            let target = packed.view.sliced(dim: 0, start..<start + tensor.elementCount)
            run(.copy(from: tensor.view, to: target.reshaped(to: tensor.shape)))
            start += tensor.elementCount
        }
        return packed
    }
}

extension PipelineAction {
    fileprivate var id: StagePass.Flight.ID { .init(microBatch: microBatch, chunk: chunk) }
}
