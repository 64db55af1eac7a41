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
        let findings = [machine()] + products() + [threads(), compiler(), launcher()]
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

    /// The product table, and the libraries that it can name.
    private func products() -> [Finding] {
        let libraries = ProductLibraries()
        let table: ProductTable
        do { table = try ProductTableFile.table() } catch {
            return [Finding(name: "product table", isFine: false, text: "\(error)", fix: nil)]
        }
        let choices = ProductChoices(table, libraries: libraries)
        let kinds = choices.identities.map { "\($0.kind): \($0.library)" }
        let found = Finding(
            name: "product table", isFine: choices.notices.isEmpty,
            text: (["\(table.origin), digest \(choices.digest)"] + kinds + choices.notices).joined(separator: "; "),
            fix: nil)
        let needed = Set(ProductKind.all.compactMap { table.row(for: $0, on: Processor.name)?.library })
        return [found] + [ProductLibrary.panels, .openblas, .onednn].map { library in
            let types = ProductKind.dtypes.filter { libraries.absence(of: library, for: $0) == nil }
            guard types.isEmpty, let reason = libraries.absence(of: library, for: .float32) else {
                return Finding(
                    name: library.rawValue, isFine: true,
                    text: "\(libraries.identity(of: library)): \(types.map(\.rawValue).joined(separator: ", "))", fix: nil)
            }
            let isNeeded = needed.contains(library)
            return Finding(
                name: library.rawValue, isFine: !isNeeded,
                text: reason + (isNeeded ? "" : "; the table does not need it"),
                fix: isNeeded ? library.installation : nil)
        }
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

    private func launcher() -> Finding {
        do {
            let mpirun = try MPIRun.find(in: Machine.environment["PATH"] ?? "")
            return Finding(name: "mpirun", isFine: true, text: "Open MPI \(mpirun.version), \(mpirun.path)", fix: nil)
        } catch {
            return Finding(name: "mpirun", isFine: true, text: "only `forktail launch` needs it; \(error)", fix: nil)
        }
    }
}
