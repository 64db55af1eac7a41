/// A file of which git could not say which side is right.
struct MergeConflict: Sendable, Hashable, Codable, CustomStringConvertible {
    let path: String
    let kind: Kind

    enum Kind: String, Sendable, Hashable, Codable {
        case bothChanged, bothAdded, deletedByParent, deletedByFork, moved
    }

    var description: String {
        switch kind {
        case .bothChanged: "\(path): both changed the same lines"
        case .bothAdded: "\(path): both added a file of this name"
        case .deletedByParent: "\(path): you changed it, the parent deleted it"
        case .deletedByFork: "\(path): you deleted it, the parent changed it"
        case .moved: "\(path): both moved it"
        }
    }

    /// Reads `git ls-files --unmerged -z`: "mode hash stage\tpath", with stage 1 the base, 2 ours, 3 theirs.
    static func list(_ fields: [String]) -> [MergeConflict] {
        var stages: [String: Set<Character>] = [:]
        for field in fields {
            let parts = field.split(separator: "\t", maxSplits: 1)
            guard parts.count == 2, let stage = parts[0].last else { continue }
            stages[String(parts[1]), default: []].insert(stage)
        }
        return stages.sorted { $0.key < $1.key }.map { path, stages in
            let kind: Kind = switch stages {
            case ["1", "2", "3"]: .bothChanged
            case ["2", "3"]: .bothAdded
            case ["1", "2"]: .deletedByParent
            case ["1", "3"]: .deletedByFork
            default: .moved
            }
            return MergeConflict(path: path, kind: kind)
        }
    }
}
