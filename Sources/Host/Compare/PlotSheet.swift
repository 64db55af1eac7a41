/// Plots under each other, and the names of their lines.
struct PlotSheet {
    let plots: [LinePlot]
    /// One a line.
    let legend: [String]

    var svg: String {
        let head = 14.0 + 18 * Double(legend.count)
        let names = legend.enumerated().map { number, name in
            let (y, colour) = (18 + 18 * number, LinePlot.colours[number % LinePlot.colours.count])
            return """
                <rect x="12" y="\(y - 9)" width="18" height="4" fill="\(colour)"/>\
                <text x="38" y="\(y)">\(LinePlot.escaped(name))</text>
                """
        }
        let drawn = plots.enumerated().map { $1.svg(at: head + Double($0) * LinePlot.height) }
        let height = head + Double(plots.count) * LinePlot.height
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(LinePlot.width) \(height)" font-family="sans-serif" \
            font-size="11">
            <rect width="100%" height="100%" fill="white"/>
            \((names + drawn).joined(separator: "\n"))
            </svg>

            """
    }
}
