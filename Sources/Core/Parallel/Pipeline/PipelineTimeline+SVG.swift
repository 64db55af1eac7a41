extension PipelineTimeline {
    /// The timeline as a picture: a line for each rank, a box for each action with its micro-batch's number.
    public var svg: String {
        let (left, rowHeight, width) = (60.0, 24.0, 1100.0)
        let scale = duration == 0 ? 0 : width / duration
        let height = Double(schedule.shape.rankCount) * rowHeight + 30
        let colours: [PipelineAction.Kind: String] = [
            .forward: "#7aa6d9", .backward: "#e0a36b", .backwardInput: "#e0a36b", .backwardWeight: "#9dc284",
        ]
        let boxes = spans.map { span in
            let x = left + span.start * scale
            let y = Double(span.rank) * rowHeight + 4
            let boxWidth = (span.end - span.start) * scale
            let opacity = span.action.chunk == 0 ? "1" : "0.6"
            return """
                <rect x="\(x)" y="\(y)" width="\(boxWidth)" height="\(rowHeight - 4)" \
                fill="\(colours[span.action.kind] ?? "")" fill-opacity="\(opacity)" stroke="white"/>\
                <text x="\(x + boxWidth / 2)" y="\(y + 14)" text-anchor="middle">\(span.action.microBatch)</text>
                """
        }
        let names = (0..<schedule.shape.rankCount).map { rank in
            "<text x=\"4\" y=\"\(Double(rank) * rowHeight + 18)\">rank \(rank)</text>"
        }
        let waiting = Int((bubble * 1000).rounded())
        let note = "waiting \(waiting / 10).\(waiting % 10) % of the work; alive at most \(peakAlive)"
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width + left + 10) \(height)" \
            font-family="sans-serif" font-size="11">
            <rect width="100%" height="100%" fill="white"/>
            \((names + boxes).joined(separator: "\n"))
            <text x="\(left)" y="\(height - 8)">\(note)</text>
            </svg>
            """
    }
}
