import Core
import Foundation

extension Profile {
    /// Where the time went: the operations that took longest, the rest, and what was outside of operations.
    var table: String { table(limit: 20) }

    func table(limit: Int) -> String {
        let rows = rows
        let operationSeconds = rows.reduce(0) { $0 + $1.seconds }
        var lines = rows.prefix(limit).map { row in
            [row.name, "\(row.callCount)", milliseconds(row.seconds), share(row.seconds), row.rate, row.form]
        }
        let rest = rows.dropFirst(limit)
        func line(_ name: String, _ calls: Int?, _ seconds: Double) -> [String] {
            [name, calls.map { "\($0)" } ?? "", milliseconds(seconds), share(seconds), "", ""]
        }
        if !rest.isEmpty {
            lines.append(
                line("\(rest.count) others", rest.reduce(0) { $0 + $1.callCount }, rest.reduce(0) { $0 + $1.seconds }))
        }
        let wait = self.seconds(of: "data wait")
        lines.append(line("data wait", nil, wait))
        lines.append(line("outside of operations", nil, max(0, seconds - operationSeconds - wait)))
        lines.append(line("step", rows.reduce(0) { $0 + $1.callCount }, seconds))
        let columns = ["operation", "calls", "ms", "share", "rate", "on"]
        let peak = (memory.map(\.byteCount).max() ?? 0) >> 20
        return TextTable(header: columns, rows: lines).text + "\nmost memory of tensors and scratch in use: \(peak) MiB"
    }

    private func milliseconds(_ seconds: Double) -> String { String(format: "%.1f", seconds * 1e3) }

    private func share(_ seconds: Double) -> String {
        String(format: "%.1f %%", 100 * seconds / max(self.seconds, 1e-9))
    }
}

extension Profile.Row {
    /// GFLOP/s of products and attention, GB/s of all else.
    fileprivate var rate: String {
        let (count, unit) = flopCount > 0 ? (flopCount, "GFLOP/s") : (byteCount, "GB/s")
        return String(format: "%.\(flopCount > 0 ? 0 : 1)f ", Double(count) / max(seconds, 1e-9) / 1e9) + unit
    }
}
