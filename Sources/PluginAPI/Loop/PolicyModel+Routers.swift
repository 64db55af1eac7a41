internal import Core

extension PolicyModel {
    /// The name of the weight of what routers add to the loss: tokens times layers with experts.
    private static let term = "router"

    /// The weights of the terms that layers emit for a micro-batch, known before its forward pass.
    func layerWeights(_ batch: MicroBatch) -> [String: Double] {
        let layers = decoder.configuration.expertLayerCount
        return layers == 0 || batch.scoredCount == 0 ? [:] : [PolicyModel.term: Double(batch.tokenCount * layers)]
    }

    /// The routers' losses, and how even their choices are (`router/balance`: at best the experts of a token).
    ///
    /// The balancing loss is a product of two means over tokens, so it is not additive. Both are taken over the tokens
    /// and layers of one micro-batch, and micro-batches are averaged by their tokens.
    func routerObjective(_ routers: RouterRecord, on graph: Graph, _ settings: ObjectiveSettings) -> Objective {
        guard let sums = routers.sums?.summed(graph, over: plan.mesh.along(.context)) else { return Objective([]) }
        let balance = sums.balance(graph)
        let coefficient = settings.routerBalance ?? decoder.configuration.experts?.balanceCoefficient ?? 0
        let terms = [(coefficient, balance), (settings.routerZLoss, sums.squares)].filter { $0.0 != 0 }
        return Objective(
            terms.map { .init(PolicyModel.term, coefficient: $0.0, sum: $0.1) },
            metrics: [.init("router/balance", sum: balance, weight: Double(sums.rowCount))])
    }
}
