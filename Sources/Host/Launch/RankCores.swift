import Foundation
import PluginAPI

/// The cores that each rank of a machine keeps to, so that ranks do not take turns on the same ones.
package enum RankCores {
    /// `cores`: each rank keeps to its share of the cores, as `forktail launch` has it; `none`, or unset: to none.
    static let variable = "FORKTAIL_BIND"

    /// One processor as the system counts them; two of them may be one core.
    package struct Processor: Sendable, Equatable {
        let number: Int
        let package: Int
        let core: Int

        package init(_ number: Int, package: Int, core: Int) {
            (self.number, self.package, self.core) = (number, package, core)
        }
    }

    /// A rank's share: neighbours, and both threads of a core together.
    /// - Returns: numbers of processors; none when there are fewer than ranks.
    package static func share(of processors: [Processor], rank: Int, rankCount: Int) -> [Int] {
        guard processors.count >= rankCount else { return [] }
        let sorted = processors.sorted { ($0.package, $0.core, $0.number) < ($1.package, $1.core, $1.number) }
        let count = sorted.count
        return sorted[rank * count / rankCount..<(rank + 1) * count / rankCount].map(\.number)
    }

    /// Binds this process, before it has threads, where the variable asks for it.
    /// - Returns: whether it keeps to cores of its own now.
    /// - Throws: `InputError` for a variable that says something else.
    static func bind(_ launched: RankEnvironment, _ environment: [String: String]) throws -> Bool {
        switch environment[variable] {
        case "cores": break
        case nil, "none": return false
        case let other?:
            throw InputError(variable, "found '\(other)', expected cores or none", fix: "unset \(variable)")
        }
        guard let rank = launched.localRank, let count = launched.localRankCount, count > 1 else { return false }
        let share = share(of: allowed(), rank: rank, rankCount: count)
        guard !share.isEmpty else { return false }
        guard ProcessorAffinity.keep(to: share) else {
            StandardError.write("note: cannot keep to cores \(share): \(String(cString: strerror(errno)))")
            return false
        }
        return true
    }

    /// The processors that this process may use.
    private static func allowed() -> [Processor] {
        ProcessorAffinity.processors.map { number in
            func topology(_ name: String) -> Int {
                let path = "/sys/devices/system/cpu/cpu\(number)/topology/\(name)"
                let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
                return text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } ?? 0
            }
            return Processor(number, package: topology("physical_package_id"), core: topology("core_id"))
        }
    }
}
