public import Foundation
public import JSON
public import PluginAPI

/// Writes TensorBoard event files: every number of a step as a scalar of its name.
///
/// `tensorboard --logdir RUN/tensorboard` shows them. A resumed run writes a new file that tells TensorBoard to forget
/// the steps after the checkpoint.
public final class TensorBoardTracker: Tracker {
    /// The tracker's options.
    public struct Config: PluginConfig {
        /// See `help`.
        public var directory = "tensorboard"

        public static let template = Config()
        public static let help = ["directory": "where event files are written, from the run directory"]
    }

    private let file: FileHandle

    /// - Throws: the file system's error when the directory or the file cannot be made.
    public init(_ config: Config, runDirectory: URL, resumedStep: Int) throws {
        let directory = runDirectory.appending(path: config.directory)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let time = Date.now.timeIntervalSince1970
        let process = ProcessInfo.processInfo
        let name = "events.out.tfevents.\(Int(time)).\(process.hostName).\(process.processIdentifier).\(resumedStep)"
        let url = directory.appending(path: name)
        try Data().write(to: url)
        file = try FileHandle(forWritingTo: url)
        try write(EventMessage.version(wallTime: time))
        if resumedStep > 0 { try write(EventMessage.sessionStart(step: resumedStep + 1, wallTime: time)) }
    }

    public func log(step: Int, _ figures: [JSONValue.Member]) throws {
        let scalars = figures.filter { $0.key != "step" }.compactMap { figure in
            figure.value.double.map { (tag: figure.key, value: Float($0)) }
        }
        try write(EventMessage.scalars(scalars, step: step, wallTime: Date.now.timeIntervalSince1970))
    }

    public func finish() throws { try file.synchronize() }

    private func write(_ message: EventMessage) throws { try file.write(contentsOf: message.record) }
}

/// Registers `tensorboard`.
public struct TensorBoardPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws {
        try registrar.tracker("tensorboard", TensorBoardTracker.self)
    }
}
