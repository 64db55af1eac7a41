import Foundation

/// Lines over steps with their bands, drawn into a rectangle of an SVG picture.
struct LinePlot {
    /// A mean and half the width of its interval.
    struct Point {
        let x: Double
        let y: Double
        let margin: Double
    }

    let title: String
    /// One a group; may be empty.
    let lines: [[Point]]

    static let width = 640.0
    static let height = 260.0
    /// One a group, told apart by most people with colour vision deficiencies (Okabe and Ito, 2008).
    static let colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
    private static let (left, right, top, bottom) = (70.0, 12.0, 30.0, 34.0)

    /// The plot with its upper left corner at (0, `offset`).
    func svg(at offset: Double) -> String {
        let points = lines.joined().filter { $0.y.isFinite && $0.margin.isFinite }
        let xs = Axis(points.map(\.x)), ys = Axis(points.flatMap { [$0.y - $0.margin, $0.y + $0.margin] })
        let (width, height) = (Self.width - Self.left - Self.right, Self.height - Self.top - Self.bottom)
        func x(_ value: Double) -> Double { Self.left + (value - xs.low) / xs.size * width }
        func y(_ value: Double) -> Double { offset + Self.top + height - (value - ys.low) / ys.size * height }
        func path(_ points: [(Double, Double)]) -> String {
            points.map { "\(Self.text(x($0.0))),\(Self.text(y($0.1)))" }.joined(separator: " ")
        }
        var parts = ["<text x=\"\(Self.left)\" y=\"\(offset + 18)\" font-weight=\"bold\">\(Self.escaped(title))</text>"]
        for tick in ys.ticks {
            parts.append(
                """
                <line x1="\(Self.left)" y1="\(Self.text(y(tick)))" x2="\(Self.width - Self.right)" \
                y2="\(Self.text(y(tick)))" stroke="#dddddd"/>\
                <text x="\(Self.left - 6)" y="\(Self.text(y(tick) + 4))" text-anchor="end">\(Self.label(tick))</text>
                """)
        }
        for tick in xs.ticks {
            parts.append(
                """
                <text x="\(Self.text(x(tick)))" y="\(offset + Self.height - 14)" text-anchor="middle">\(Self.label(tick))</text>
                """)
        }
        for (number, line) in lines.enumerated() {
            let line = line.filter { $0.y.isFinite && $0.margin.isFinite }
            let colour = Self.colours[number % Self.colours.count]
            if line.contains(where: { $0.margin > 0 }) {
                let band = line.map { ($0.x, $0.y + $0.margin) } + line.reversed().map { ($0.x, $0.y - $0.margin) }
                parts.append("<polygon points=\"\(path(band))\" fill=\"\(colour)\" fill-opacity=\"0.15\"/>")
            }
            parts.append(
                "<polyline points=\"\(path(line.map { ($0.x, $0.y) }))\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.5\"/>")
        }
        return parts.joined(separator: "\n")
    }

    /// What an axis shows.
    private struct Axis {
        let low: Double
        let size: Double

        init(_ values: [Double]) {
            let (least, most) = (values.min() ?? 0, values.max() ?? 1)
            // A line of one value stands in the middle.
            let isFlat = most - least <= 0
            low = isFlat ? least - 0.5 : least
            size = isFlat ? 1 : most - least
        }

        /// About five round numbers: 1, 2 or 5 times a power of ten apart.
        var ticks: [Double] {
            let rough = size / 5
            let power = pow(10, log10(rough).rounded(.down))
            let step = ([1, 2, 5, 10].first { $0 * power >= rough } ?? 10) * power
            let first = (low / step).rounded(.up)
            return (0...10).map { (first + Double($0)) * step }.filter { $0 <= low + size * (1 + 1e-9) }
        }
    }

    private static func text(_ value: Double) -> String { String(format: "%.1f", value) }

    private static func label(_ value: Double) -> String { String(format: "%.4g", value) }

    /// Text that cannot end or open an element.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
