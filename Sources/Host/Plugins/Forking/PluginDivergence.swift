import Forks
import Foundation
import JSON
import PluginAPI

/// What a fork changed since it was made, what its parent changed since, and what both did: `forktail plugins diff`.
struct PluginDivergence {
    private let triangle: ForkTriangle
    /// The tree of the fork's folder as it is committed; nil when it is not.
    private let tree: String?
    private let mine: [String]
    private let theirs: [String]
    private let conflicts: [MergeConflict]

    /// Which of the two changes is shown.
    enum Side: CaseIterable {
        case mine, theirs
    }

    /// - Parameter scratch: an empty folder.
    init(_ fork: PluginFolder, parentIn directories: [String], scratch: URL) async throws {
        triangle = try await ForkTriangle(fork, parentIn: directories, scratch: scratch)
        let head = try await fork.git.run(["rev-parse", "--verify", "--quiet", "HEAD:\(fork.path)"])
        tree = head.status == 0 ? head.text : nil
        mine = try await triangle.files(from: triangle.base, to: triangle.mine)
        theirs = try await triangle.files(from: triangle.base, to: triangle.theirs)
        conflicts = triangle.hasParentMoved ? try await triangle.merge() : []
    }

    private var both: [String] {
        Set(mine).intersection(theirs).union(conflicts.map(\.path)).sorted()
    }

    /// - Parameter isShort: whether files and numbers of lines are enough.
    func text(_ sides: [Side], isShort: Bool) async throws -> String {
        let (fork, ancestor, current) = (triangle.fork.manifest, triangle.ancestor, triangle.current)
        var parts = [
            TextTable(
                header: ["", "ID", "VERSION", "COMMIT", "TREE"],
                rows: [
                    ["fork", "\(fork.id)", "\(fork.version)", "-", tree ?? "not committed"],
                    ["base", "\(ancestor.id)", "\(ancestor.version)", String(ancestor.commit.prefix(12)), ancestor.tree],
                    ["parent", "\(current.id)", "\(current.version)", String(current.commit.prefix(12)), current.tree],
                ]
            ).text
        ]
        for side in sides {
            let (title, to) = side == .mine ? ("my change", triangle.mine) : ("their change", triangle.theirs)
            let options = isShort ? ["--stat"] : ["--find-renames"]
            let patch = try await triangle.git.read(["diff"] + options + [triangle.base, to]).text
            parts.append("\(title) since the base" + (patch.isEmpty ? ": none" : ":\n\n\(patch)"))
        }
        if sides.count == Side.allCases.count, !both.isEmpty {
            let lines = both.map { path in
                "  " + (conflicts.first { $0.path == path }.map { "CONFLICT  \($0)" } ?? "merges    \(path)")
            }
            parts.append("both:\n" + lines.joined(separator: "\n"))
        }
        if triangle.hasParentMoved { parts.append("bring it up to date: forktail plugins update \(fork.id)") }
        return parts.joined(separator: "\n\n")
    }

    /// The trees and the files of each side.
    var json: JSONValue {
        let names = { (names: [String]) in JSONValue.array(names.map(JSONValue.string)) }
        return .object([
            .init("id", .string("\(triangle.fork.manifest.id)")), .init("tree", .text(tree)),
            .init("base", triangle.ancestor.json), .init("parent", triangle.current.json),
            .init("mine", names(mine)), .init("theirs", names(theirs)), .init("both", names(both)),
            .init("conflicts", .array(conflicts.map { conflict in
                .object([.init("path", .string(conflict.path)), .init("kind", .string(conflict.kind.rawValue))])
            })),
        ])
    }
}
