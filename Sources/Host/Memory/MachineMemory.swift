import Foundation
import PluginAPI

/// How much memory this process may have.
enum MachineMemory {
    /// What `FORKTAIL_MEMORY` says; else what this process has and could still get: the machine's available memory, or
    /// less where a control group has a limit. Nil where the system does not tell.
    /// - Throws: `InputError` when `FORKTAIL_MEMORY` is no size.
    static func available() throws -> Int? {
        if let text = ProcessInfo.processInfo.environment["FORKTAIL_MEMORY"] {
            guard let size = ByteText.parse(text) else {
                throw InputError(
                    "FORKTAIL_MEMORY", "found '\(text)', expected a size above 0", fix: "FORKTAIL_MEMORY=6GiB")
            }
            return size
        }
        let free = field("MemAvailable", of: "/proc/meminfo").map { $0 << 10 }
        return [free, groupHeadroom].compactMap { $0 }.min().map { $0 + residentByteCount }
    }

    /// Resident memory of this process now, bytes; 0 where the system does not tell.
    static var residentByteCount: Int {
        let pages = text("/proc/self/statm")?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return (pages ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// What the control groups of this process leave, bytes. Pages of files are given back when memory is short.
    private static var groupHeadroom: Int? {
        let groups = (text("/proc/self/cgroup") ?? "").split(separator: "\n").flatMap { line -> [Int] in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return [] }
            switch (parts[0], parts[1]) {
            case ("0", ""):
                return headrooms(
                    "/sys/fs/cgroup", String(parts[2]), limit: "memory.max", used: "memory.current", file: "file")
            case (_, "memory"):
                return headrooms(
                    "/sys/fs/cgroup/memory", String(parts[2]), limit: "memory.limit_in_bytes",
                    used: "memory.usage_in_bytes", file: "cache")
            default: return []
            }
        }
        return groups.min()
    }

    /// Of a group and of those that it is in. Inside a container the path may name nothing; the root is the group then.
    private static func headrooms(_ root: String, _ path: String, limit: String, used: String, file: String) -> [Int] {
        let names = path.split(separator: "/").map(String.init)
        return (0...names.count).compactMap { count in
            let directory = ([root] + names.prefix(count)).joined(separator: "/")
            guard let limit = number("\(directory)/\(limit)"), let used = number("\(directory)/\(used)") else {
                return nil
            }
            return max(0, limit - used + (field(file, of: "\(directory)/memory.stat") ?? 0))
        }
    }

    private static func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Nil for "max" too.
    private static func number(_ path: String) -> Int? {
        text(path).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    /// The number after a name in a file of names and numbers.
    private static func field(_ name: String, of path: String) -> Int? {
        let lines = text(path)?.split(separator: "\n").map { $0.split(whereSeparator: { " :".contains($0) }) }
        return lines?.first { $0.first == name[...] }?.dropFirst().first.flatMap { Int($0) }
    }
}
