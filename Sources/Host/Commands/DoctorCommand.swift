import ArgumentParser
import Core
import Foundation
import JSON

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "What is installed, what is missing, and how to get it.")

    @Flag(help: "Print JSON.")
    var json = false

    private struct Finding {
        let name: String
        let isFine: Bool
        let text: String
        let fix: String?
    }

    func run() throws {
        let findings = [machine(), blas(), threads(), compiler()]
        if json {
            print(
                JSONValue.array(
                    findings.map {
                        .object([
                            .init("name", .string($0.name)), .init("ok", .bool($0.isFine)),
                            .init("found", .string($0.text)), .init("fix", $0.fix.map(JSONValue.string) ?? .null),
                        ])
                    }).text)
        } else {
            for finding in findings {
                print("\(finding.isFine ? "ok     " : "missing") \(finding.name): \(finding.text)")
                if let fix = finding.fix { print("        fix: \(fix)") }
            }
        }
        if findings.contains(where: { !$0.isFine }) { throw CommandEnded(status: .answerIsNo) }
    }

    private func machine() -> Finding {
        Finding(
            name: "forktail", isFine: true, text: "\(Release.version) on \(Machine.processorName)", fix: nil)
    }

    private func blas() -> Finding {
        var missing: String?
        _ = CPUBackend(threads: 1, notice: { missing = $0 })
        return Finding(
            name: "OpenBLAS", isFine: missing == nil, text: missing ?? "found",
            fix: missing == nil ? nil : "apt-get install libopenblas0-pthread")
    }

    private func threads() -> Finding {
        let memory = ProcessInfo.processInfo.physicalMemory >> 30
        return Finding(
            name: "machine", isFine: true, text: "\(Machine.threadCount) threads, \(memory) GiB memory", fix: nil)
    }

    private func compiler() -> Finding {
        let paths = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let found = paths.map { "\($0)/swiftc" }.first { FileManager.default.isExecutableFile(atPath: $0) }
        return Finding(
            name: "swiftc", isFine: true, text: found ?? "not found: only `forktail plugins build` needs it", fix: nil)
    }
}
