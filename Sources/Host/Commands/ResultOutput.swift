import Core
import Foundation

/// Where the results of a command go, line by line: standard output, or a file that appears when it is complete.
package final class ResultOutput {
    private let file: AtomicFile?
    private var buffer: [UInt8] = []
    private var writtenBytes = 0

    /// Standard output.
    package init() { file = nil }

    /// A file, which keeps its old content until `finish`. Missing directories are made.
    /// - Throws: what goes wrong with the directory or the temporary file.
    package init(file path: String) throws {
        let directory = URL(fileURLWithPath: path).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        file = try AtomicFile(path)
    }

    /// Adds text without a line break.
    func write(_ text: String) throws {
        buffer.append(contentsOf: text.utf8)
        if buffer.count >= 1 << 16 { try flush() }
    }

    /// Adds one line.
    func line(_ text: String) throws { try write(text + "\n") }

    /// Adds `value` as one line of JSON, keys in snake_case.
    func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try line(String(decoding: encoder.encode(value), as: UTF8.self))
    }

    /// Writes what is left; a file appears under its name now.
    package func finish() throws {
        try flush()
        try file?.commit()
    }

    private func flush() throws {
        if let file {
            try buffer.withUnsafeBytes { try file.write($0, at: writtenBytes) }
        } else {
            try FileHandle.standardOutput.write(contentsOf: Data(buffer))
        }
        writtenBytes += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }
}
