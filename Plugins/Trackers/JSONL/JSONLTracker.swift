public import Foundation
public import JSON
public import PluginAPI

/// Writes metrics.jsonl: one object per optimizer step, each line in a single append.
///
/// When a run goes on from a checkpoint, lines after its step (and a last line that was cut short) move to
/// `metrics.discarded-<time>.jsonl`, so the file always reads as one run without interruption.
public final class JSONLTracker: Tracker {
    private let file: FileHandle

    /// - Throws: `TrackerError` when the file cannot be read or written.
    public init(_ config: NoConfig, runDirectory: URL, resumedStep: Int) throws {
        let url = runDirectory.appending(path: "metrics.jsonl")
        try JSONLTracker.discardLines(after: resumedStep, in: url)
        let descriptor = open(url.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw TrackerError("open", url) }
        file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    public func log(step: Int, _ figures: [JSONValue.Member]) throws {
        let others = figures.filter { $0.key != "step" }
        let line = JSONValue.object([.init("step", .integer(step))] + others).text + "\n"
        try file.write(contentsOf: Data(line.utf8))
    }

    public func finish() throws { try file.synchronize() }

    private static func discardLines(after step: Int, in url: URL) throws {
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        let content = try Data(contentsOf: url)
        var end = content.startIndex
        while let newline = content[end...].firstIndex(of: UInt8(ascii: "\n")),
            let found = JSONLTracker.step(of: content[end..<newline]), found <= step
        {
            end = newline + 1
        }
        guard end < content.endIndex else { return }
        let discarded = url.deletingLastPathComponent()
            .appending(path: "metrics.discarded-\(JSONLTracker.timeStamp()).jsonl")
        // The lines exist in the new file before they leave the old one; each file appears whole or not at all.
        try content[end...].write(to: discarded, options: .atomic)
        try content[..<end].write(to: url, options: .atomic)
    }

    private static func step(of line: Data) -> Int? {
        // A line that is not JSON was cut short by a crash, and is discarded with what follows it.
        let value = try? line.withUnsafeBytes { try JSONValue(parsing: $0) }
        return value?["step"]?.integer
    }

    /// UTC with milliseconds, so that two resumptions never share a name: 20250131T235959.123Z.
    private static func timeStamp() -> String {
        let style = Date.ISO8601FormatStyle(
            dateSeparator: .omitted, timeSeparator: .omitted, includingFractionalSeconds: true)
        return Date.now.formatted(style)
    }
}

/// A file of a tracker that could not be used.
public struct TrackerError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ action: String, _ url: URL) {
        description = "cannot \(action) \(url.path): \(String(cString: strerror(errno)))"
    }
}

/// Registers `jsonl`.
public struct JSONLTrackerPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.tracker("jsonl", JSONLTracker.self) }
}
