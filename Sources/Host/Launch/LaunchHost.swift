import PluginAPI

/// A machine and how many ranks it takes.
package struct LaunchHost: Sendable, Equatable {
    package let name: String
    package let slots: Int

    /// - Parameter slots: at least 1.
    package init(_ name: String, slots: Int) {
        (self.name, self.slots) = (name, slots)
    }

    /// Reads `name:slots,name:slots`; a name alone is one slot.
    /// - Parameter problems: receives what cannot be read.
    static func list(_ text: String, _ problems: inout [InputProblem]) -> [LaunchHost] {
        let items = text.split(separator: ",", omittingEmptySubsequences: false)
        return merged(
            items.compactMap { item in
                let host = host(String(item))
                if host == nil {
                    problems.append(
                        InputProblem(
                            "--hosts", "found '\(item)', expected NAME or NAME:SLOTS", fix: "--hosts node1:8,node2:8"))
                }
                return host
            })
    }

    /// Reads a host file of Open MPI: a line for each machine, `name slots=8`; a name alone is one slot, and a machine
    /// that stands there again has more.
    /// - Parameters:
    ///   - path: of the file, for messages.
    ///   - problems: receives what cannot be read.
    static func file(_ text: String, path: String, _ problems: inout [InputProblem]) -> [LaunchHost] {
        var hosts: [LaunchHost] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let name = words.first else { continue }
            let slots = words.dropFirst().first { $0.hasPrefix("slots=") }.map { $0.dropFirst("slots=".count) }
            let known = words.dropFirst().allSatisfy { $0.hasPrefix("slots=") || $0.hasPrefix("max_slots=") }
            guard known, let host = slots.map({ host(name + ":" + $0) }) ?? host(name) else {
                problems.append(
                    InputProblem(
                        "\(path):\(number + 1)", "found '\(line)', expected NAME slots=NUMBER", fix: "node1 slots=8"))
                continue
            }
            hosts.append(host)
        }
        if hosts.isEmpty && problems.isEmpty {
            problems.append(InputProblem(path, "names no machine, expected lines such as: node1 slots=8"))
        }
        return merged(hosts)
    }

    private static func host(_ text: String) -> LaunchHost? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let name = parts.first, !name.isEmpty else { return nil }
        guard parts.count == 2 else { return LaunchHost(String(name), slots: 1) }
        guard let slots = Int(parts[1]), slots > 0 else { return nil }
        return LaunchHost(String(name), slots: slots)
    }

    private static func merged(_ hosts: [LaunchHost]) -> [LaunchHost] {
        hosts.reduce(into: []) { merged, host in
            if let slot = merged.firstIndex(where: { $0.name == host.name }) {
                merged[slot] = LaunchHost(host.name, slots: merged[slot].slots + host.slots)
            } else {
                merged.append(host)
            }
        }
    }
}
