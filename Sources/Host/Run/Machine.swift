import Core
import Foundation
import PluginAPI

/// The machine that a process runs on.
enum Machine {
    /// `FORKTAIL_THREADS`, or the cores that this process may use. `checkThreadCount` has been called before.
    static var threadCount: Int { askedThreadCount ?? coreCount }

    /// What `FORKTAIL_THREADS` says.
    static var askedThreadCount: Int? { environment["FORKTAIL_THREADS"].flatMap { Int($0) } }

    /// The cores that this process may use.
    static var coreCount: Int {
        let allowed = ProcessorAffinity.processors.count
        return allowed > 0 ? allowed : ProcessInfo.processInfo.activeProcessorCount
    }

    /// This executable's own path.
    static var executablePath: String { Bundle.main.executablePath ?? CommandLine.arguments[0] }

    /// Refuses a `FORKTAIL_THREADS` that is no number of threads, before any command runs.
    /// - Throws: `InputError`.
    static func checkThreadCount() throws {
        guard let text = environment["FORKTAIL_THREADS"] else { return }
        guard let count = Int(text), 1...threadLimit ~= count else {
            throw InputError(
                "FORKTAIL_THREADS", "found '\(text)', expected a whole number of threads from 1 to \(threadLimit)",
                fix: "export FORKTAIL_THREADS=\(coreCount), or unset it for all \(coreCount) cores of this process")
        }
    }

    /// Seconds that a rank waits for others, see `RankLink.standardTimeout`; `FORKTAIL_RANK_TIMEOUT` says another number.
    /// `checkRankTimeout` has been called before.
    static var rankTimeout: Double {
        environment["FORKTAIL_RANK_TIMEOUT"].flatMap { Double($0) } ?? RankLink.standardTimeout
    }

    /// Refuses a `FORKTAIL_RANK_TIMEOUT` that is no time, before any command runs.
    /// - Throws: `InputError`.
    static func checkRankTimeout() throws {
        guard let text = environment["FORKTAIL_RANK_TIMEOUT"] else { return }
        guard let seconds = Double(text), seconds > 0, seconds.isFinite else {
            throw InputError(
                "FORKTAIL_RANK_TIMEOUT", "found '\(text)', expected seconds, more than 0",
                fix: "unset it for \(Int(RankLink.standardTimeout)) seconds")
        }
    }

    /// The digest of the executable that runs, whatever has become of its file since.
    /// - Throws: `FileError` when it cannot be read.
    static func executableDigest() throws -> String {
        #if os(Linux)
        try FileHash.file("/proc/self/exe").hex
        #else
        try FileHash.file(executablePath).hex
        #endif
    }

    /// More threads than any machine has cores are taken for a mistake.
    private static let threadLimit = 4096

    static var environment: [String: String] { ProcessInfo.processInfo.environment }

    /// As other machines know this one.
    static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Highest resident memory of this process so far, bytes.
    static var peakResidentBytes: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }

    /// The processor's own name.
    static var processorName: String {
        let info = FileManager.default.contents(atPath: "/proc/cpuinfo").map { String(decoding: $0, as: UTF8.self) }
        let line = info?.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }
}
