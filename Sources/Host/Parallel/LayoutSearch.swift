import Core

/// Every way to lay out a number of ranks.
enum LayoutSearch {
    /// All factorisations over the axes, with each strategy of the data axis, each schedule and each way to share contexts.
    ///
    /// Tensor ranks also cut the sequence where it can be divided: that sends as many bytes and keeps fewer.
    static func layouts(rankCount: Int, work: ParallelSettings.Work) -> [ParallelSettings] {
        let axes: [MeshAxis] = work.expertCount == nil
            ? [.pipeline, .data, .context, .tensor] : [.pipeline, .data, .expert, .context, .tensor]
        return factorisations(of: rankCount, over: axes.count).flatMap { sizes -> [ParallelSettings] in
            var base = ParallelSettings()
            for (axis, size) in zip(axes, sizes) { base.set(axis, size) }
            base.tensor.sequence = base.tensor.size > 1 && work.sequenceLength % base.tensor.size == 0
            var layouts = [base]
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
