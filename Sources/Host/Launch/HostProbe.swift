import Foundation

/// Asks machines whether ranks could be started on them, the way mpirun will start them.
package struct HostProbe {
    /// A machine that cannot take ranks, and why.
    package struct Refusal: Sendable, Equatable {
        package let host: String
        package let reason: String
    }

    /// The remote shell and its arguments.
    let agent: [String]
    private static let patience = 30.0

    /// - Parameter environment: may name another remote shell than ssh, as variables of Open MPI 4 or 5.
    package init(environment: [String: String]) {
        func words(_ name: String) -> [String]? {
            ["PRTE_MCA_plm_ssh_\(name)", "OMPI_MCA_plm_ssh_\(name)", "OMPI_MCA_plm_rsh_\(name)"].lazy
                .compactMap { environment[$0] }.first?.split(separator: " ").map(String.init)
        }
        var agent = (words("agent") ?? ["ssh"]) + (words("args") ?? [])
        if agent[0].split(separator: "/").last == "ssh" { agent += ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"] }
        self.agent = agent
    }

    /// Whether a name is this machine's, so that no remote shell is needed.
    package static func isHere(_ name: String) -> Bool {
        let own = Machine.hostName
        func short(_ name: String) -> Substring { name.prefix { $0 != "." } }
        return ["localhost", "127.0.0.1", "::1", own].contains(name)
            || (!name.allSatisfy { $0.isNumber || $0 == "." } && short(name) == short(own))
    }

    /// - Parameter executable: what must be there.
    /// - Returns: those of `hosts` that did not answer or have no such executable; all are asked at the same time.
    package func refusals(_ hosts: [String], executable: String) -> [Refusal] {
        let asked = hosts.filter { !HostProbe.isHere($0) }.map { host in
            (host, Question(agent + [host, "test -x '\(executable)' || exit 99"]))
        }
        let deadline = Date(timeIntervalSinceNow: HostProbe.patience)
        return asked.compactMap { host, question in
            question.refusal(until: deadline, executable: executable).map { Refusal(host: host, reason: $0) }
        }
    }

    /// A remote shell that was started.
    private struct Question {
        private let process = Process()
        private let errors = Pipe()
        private let failure: String?

        init(_ words: [String]) {
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = words
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            process.standardError = errors
            do {
                try process.run()
                failure = nil
            } catch {
                failure = "\(error)"
            }
        }

        /// Nil when the machine can take ranks.
        func refusal(until deadline: Date, executable: String) -> String? {
            if let failure { return failure }
            while process.isRunning, Date() < deadline { usleep(10_000) }
            guard !process.isRunning else {
                process.terminate()
                return "did not answer within \(Int(HostProbe.patience)) seconds"
            }
            switch process.terminationStatus {
            case 0: return nil
            case 99: return "has no \(executable), which must be at the same path on every machine"
            default:
                let said = String(decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
                return said.split(whereSeparator: \.isNewline).last.map(String.init)
                    ?? "the remote shell left with \(process.terminationStatus)"
            }
        }
    }
}
