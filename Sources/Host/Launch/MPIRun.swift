import Foundation
import PluginAPI

/// Open MPI's mpirun on this machine.
struct MPIRun: Sendable, Equatable {
    let path: String
    /// E.g. "4.1.4".
    let version: String

    /// - Parameter searchPath: folders, separated by colons.
    /// - Throws: `InputError` when there is none, or one of another library.
    static func find(in searchPath: String) throws -> MPIRun {
        let folders = searchPath.split(separator: ":").map(String.init)
        guard let path = folders.lazy.map({ $0 + "/mpirun" }).first(where: FileManager.default.isExecutableFile) else {
            throw InputError(
                "launch", "found no mpirun in \(folders.count) folders of PATH",
                fix: "apt-get install openmpi-bin, or name its folder in PATH")
        }
        let said = try output(of: path, ["--version"])
        let first = said.split(separator: "\n").first.map(String.init) ?? ""
        guard first.contains("Open MPI"), let version = first.split(separator: " ").last else {
            throw InputError(
                "launch", "\(path) says '\(first)', expected Open MPI's, whose processes meet by libmpi.so.40",
                fix: "apt-get install openmpi-bin, or name its folder first in PATH")
        }
        return MPIRun(path: path, version: String(version))
    }

    private static func output(of path: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    /// Runs it to its end, with this process's streams. What asks this process to stop is passed on to the ranks, which
    /// checkpoint and leave.
    /// - Returns: the status, or 128 plus the signal that ended it.
    func run(_ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        try process.run()
        // mpirun ends all ranks at once when it is asked to stop, but hands them this signal.
        let sources = [SIGINT, SIGTERM, SIGUSR1].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { kill(process.processIdentifier, SIGUSR1) }
            source.resume()
            return source
        }
        process.waitUntilExit()
        for source in sources { source.cancel() }
        return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    }
}
