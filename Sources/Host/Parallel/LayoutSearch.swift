import Core

/// Every way to lay out a number of ranks.
enum LayoutSearch {
    /// All factorisations over the axes that have strategies, with each strategy of the data axis, each schedule and each way
    /// to share contexts.
    /// - Parameter sequence: of a number of tensor ranks: whether they cut the sequence too, each way that is looked at.
    static func layouts(rankCount: Int, sequence: (Int) -> [Bool]) -> [ParallelSettings] {
        let axes: [MeshAxis] = [.pipeline, .data, .context, .tensor]
        return factorisations(of: rankCount, over: axes.count).flatMap { sizes -> [ParallelSettings] in
            var base = ParallelSettings()
            for (axis, size) in zip(axes, sizes) { base.set(axis, size) }
            var layouts = [base]
            if base.tensor.size > 1 { layouts = variants(layouts, sequence(base.tensor.size)) { $0.tensor.sequence = $1 } }
            if base.data.size > 1 {
                layouts = variants(layouts, ParallelSettings.DataAxis.Strategy.allCases) { $0.data.strategy = $1 }
            }
            if base.pipeline.size > 1 {
                layouts = variants(layouts, ParallelSettings.PipelineAxis.Schedule.allCases) { $0.pipeline.schedule = $1 }
            }
            if base.context.size > 1 {
                layouts = variants(layouts, ParallelSettings.ContextAxis.Strategy.allCases) { $0.context.strategy = $1 }
            }
            return layouts
        }
    }

    /// Each list of `count` factors whose product is `number`.
    private static func factorisations(of number: Int, over count: Int) -> [[Int]] {
        if count == 1 { return [[number]] }
        return (1...number).filter { number % $0 == 0 }.flatMap { factor in
            factorisations(of: number / factor, over: count - 1).map { [factor] + $0 }
        }
    }

    private static func variants<Choice>(
        _ layouts: [ParallelSettings], _ choices: [Choice], _ set: (inout ParallelSettings, Choice) -> Void
    ) -> [ParallelSettings] {
        layouts.flatMap { layout in
            choices.map { choice in
                var layout = layout
                set(&layout, choice)
                return layout
            }
        }
    }
}

extension ParallelSettings {
    /// Sets the ranks along an axis.
    fileprivate mutating func set(_ axis: MeshAxis, _ size: Int) {
        switch axis {
        case .data: data.size = size
        case .tensor: tensor.size = size
        case .pipeline: pipeline.size = size
        case .context: context.size = size
        case .expert: expert.size = size
        }
    }
}
