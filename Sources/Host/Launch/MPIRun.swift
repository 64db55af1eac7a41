import Foundation
import PluginAPI

/// Open MPI's mpirun on this machine.
package struct MPIRun: Sendable, Equatable {
    package let path: String
    /// E.g. "4.1.4".
    package let version: String

    package init(path: String, version: String) {
        (self.path, self.version) = (path, version)
    }

    /// How to get it.
    static let installation = "apt-get install openmpi-bin, or put the folder of Open MPI's mpirun first in PATH"

    /// - Parameter searchPath: folders, separated by colons.
    /// - Throws: `InputError` when there is none, or one of another library or of an old release.
    package static func find(in searchPath: String) throws -> MPIRun {
        let folders = searchPath.split(separator: ":").map(String.init)
        let paths = folders.map { $0 + "/mpirun" }
        guard let path = paths.first(where: FileManager.default.isExecutableFile) else {
            throw InputError("launch", "found no mpirun in the \(folders.count) folders of PATH", fix: installation)
        }
        let first = try output(of: path, "--version").split(separator: "\n").first.map(String.init) ?? ""
        guard first.contains("Open MPI"), let version = first.split(separator: " ").last.map(String.init),
            MPIRun(path: path, version: version).major >= 4
        else {
            throw InputError(
                "launch",
                "\(path) --version says '\(first)', expected Open MPI 4 or later, the library that ranks meet by",
                fix: installation)
        }
        return MPIRun(path: path, version: version)
    }

    private static func output(of path: String, _ argument: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = [argument]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    var major: Int { version.split(separator: ".").first.flatMap { Int($0) } ?? 0 }

    /// What ends the tag of a line of a rank's output.
    package var tagEnd: String { major >= 5 ? ">: " : ">:" }

    /// Its arguments for a plan. Releases 4 and 5 differ in the option that tags output; of options that do the same in
    /// both, slots are named for every machine, so that none counts them by a rule of its own.
    /// - Parameters:
    ///   - executable: forktail, at the same path on every machine.
    ///   - isRoot: mpirun refuses to be started by root until it is told that this is meant, as it is in containers.
    ///   - variables: names of variables that ranks on other machines are to have too.
    package func arguments(_ plan: LaunchPlan, executable: String, isRoot: Bool, variables: [String]) -> [String] {
        var words = ["-n", "\(plan.rankCount)", "--bind-to", "none"]
        words += major >= 5 ? ["--output", "tag"] : ["--tag-output"]
        if isRoot { words.append("--allow-run-as-root") }
        switch plan.place {
        case .here: words += ["--host", "localhost:\(plan.rankCount)"]
        case .named: words += ["--host", plan.usedHosts.map { "\($0.name):\($0.slots)" }.joined(separator: ",")]
        case .allocation: break
        }
        for variable in variables { words += ["-x", variable] }
        return words + ["/bin/sh", "-c", MPIRun.witness, "forktail", executable] + plan.command
    }

    /// Runs a rank and says how it ended: mpirun itself may leave without a word about that. mpirun signals process
    /// groups, so the rank gets every signal too, and the shell must not end before it, nor add words of its own.
    private static let witness = "trap : HUP INT TERM USR1 USR2; exec 3>&2 2>/dev/null; (exec \"$@\" 2>&3 3>&-); status=$?; "
        + "[ $status = 0 ] || echo \"\(RankFailure.lastLine)$status on $(uname -n)\" >&3; exit $status"
}
