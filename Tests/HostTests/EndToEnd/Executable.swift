import Foundation

/// The `forktail` executable that was built beside the tests, run as users run it.
enum Executable {
    /// How a process ended and what it wrote.
    struct Outcome {
        /// The exit status; a signal's number negated when one ended the process.
        let status: Int32
        let output: String
        let diagnostics: String

        /// The diagnostics from the first line that starts with `error: `, without that word and the last line break.
        var error: String? {
            guard let start = diagnostics.range(of: "error: ") else { return nil }
            return diagnostics[start.upperBound...].trimmingCharacters(in: .newlines)
        }
    }

    static let path = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("forktail").path

    /// Runs a command to its end.
    static func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

    /// - Parameter environment: variables beside those of the tests.
    static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
        try Running(path, arguments, environment: environment).wait()
    }

    /// Starts a command.
    static func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Running {
        try Running(path, arguments, environment: environment)
    }

    /// Runs a line of shell in which `$0` is the executable.
    static func shell(_ line: String, _ arguments: [String]) throws -> Outcome {
        try Running("/bin/bash", ["-c", line, path] + arguments).wait()
    }

    /// A process that was started and not waited for yet.
    final class Running {
        let id: pid_t
        private let scratch: Scratch
        private var ended: Int32?

        fileprivate init(_ path: String, _ arguments: [String], environment added: [String: String] = [:]) throws {
            scratch = try Scratch()
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            for (descriptor, name) in [(STDOUT_FILENO, "output"), (STDERR_FILENO, "diagnostics")] {
                posix_spawn_file_actions_addopen(
                    &actions, descriptor, scratch.path(name), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
            }
            // Small models gain nothing from threads, and tests run beside each other.
            // The table of whoever runs the tests must not change them.
            let environment = ProcessInfo.processInfo.environment
                .merging(["FORKTAIL_THREADS": "1", "FORKTAIL_PRODUCTS": "built-in"]) { $1 }.merging(added) { $1 }
            var words = ([path] + arguments).map { strdup($0) } + [nil]
            var settings = environment.map { strdup("\($0)=\($1)") } + [nil]
            defer { for text in words + settings { free(text) } }
            var id: pid_t = 0
            let failure = posix_spawn(&id, path, &actions, nil, &words, &settings)
            guard failure == 0 else { throw POSIXError(POSIXErrorCode(rawValue: failure) ?? .ENOENT) }
            self.id = id
        }

        func signal(_ number: Int32) { kill(id, number) }

        /// Whether the process has not ended yet.
        var isAlive: Bool {
            if ended == nil {
                var status: Int32 = 0
                if waitpid(id, &status, WNOHANG) == id { ended = status }
            }
            return ended == nil
        }

        func wait() throws -> Outcome {
            while ended == nil {
                var status: Int32 = 0
                if waitpid(id, &status, 0) == id { ended = status }
            }
            let status = ended ?? 0
            let signal = status & 0x7f
            return Outcome(
                status: signal == 0 ? (status >> 8) & 0xff : -signal,
                output: try String(contentsOfFile: scratch.path("output"), encoding: .utf8),
                diagnostics: try String(contentsOfFile: scratch.path("diagnostics"), encoding: .utf8))
        }
    }
}

/// A directory that lives as long as the object.
final class Scratch {
    let root: String

    init() throws {
        root = NSTemporaryDirectory() + "forktail-end-to-end-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func path(_ name: String) -> String { root + "/" + name }

    /// Writes a file and returns its path.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        try FileManager.default.createDirectory(
            atPath: (path(name) as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try text.write(toFile: path(name), atomically: false, encoding: .utf8)
        return path(name)
    }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    func data(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path(name))) }

    func text(_ name: String) throws -> String { String(decoding: try data(name), as: UTF8.self) }

    func names(in directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path(directory)).sorted()
    }
}
