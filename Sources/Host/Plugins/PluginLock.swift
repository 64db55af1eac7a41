import Crypto
import Foundation
public import JSON
import PluginAPI

/// The resolved set of plugins: what a checkpoint records as `plugins.lock.json`, and what all ranks must share.
public struct PluginLock: Sendable, Hashable {
    /// Sorted by id.
    public let plugins: [Plugin]

    /// One plugin of the set.
    public struct Plugin: Sendable, Hashable {
        public let id: String
        public let version: String
        /// SHA-256 of the file; nil for what is compiled in.
        public let digest: String?
        /// The commit of its sources, when a workspace recorded it.
        public let commit: String?

        init(id: String, version: String, digest: String?, commit: String? = nil) {
            (self.id, self.version, self.digest, self.commit) = (id, version, digest, commit)
        }

        var shown: String {
            let marks = [digest.map { String($0.prefix(8)) }, commit.map { "commit \($0.prefix(12))" }].compactMap { $0 }
            return "\(id) \(version)" + (marks.isEmpty ? "" : " (\(marks.joined(separator: ", ")))")
        }
    }

    init(_ plugins: [Plugin]) { self.plugins = plugins.sorted { $0.id < $1.id } }

    /// The part of the set that provides `ids` (what a run looked up): a checkpoint need not name the rest.
    public func providing(_ ids: [PluginID], in catalog: PluginCatalog) -> PluginLock {
        let owners = catalog.candidates.filter { candidate in
            candidate.manifest.provides.contains { ids.contains($0.id) }
        }
        let names = Set(owners.map { "\($0.manifest.id)" })
        return PluginLock(plugins.filter { names.contains($0.id) })
    }

    /// The contents of plugins.lock.json.
    public var json: JSONValue {
        .object([
            JSONValue.Member("format", .integer(1)),
            JSONValue.Member(
                "plugins",
                .array(
                    plugins.map { plugin in
                        .object(
                            [
                                JSONValue.Member("id", .string(plugin.id)),
                                JSONValue.Member("version", .string(plugin.version)),
                                JSONValue.Member("sha256", .text(plugin.digest)),
                            ] + (plugin.commit.map { [JSONValue.Member("commit", .string($0))] } ?? []))
                    })),
        ])
    }

    /// Reads plugins.lock.json.
    /// - Throws: `InputError` when it has another form.
    public init(_ json: JSONValue) throws {
        guard json["format"]?.integer == 1, let list = json["plugins"]?.array else {
            throw InputError("plugins.lock.json", "has no format 1 list of plugins")
        }
        self.init(
            try list.map { plugin in
                guard let id = plugin["id"]?.string, let version = plugin["version"]?.string else {
                    throw InputError("plugins.lock.json", "has an entry without id or version: \(plugin.text)")
                }
                return Plugin(
                    id: id, version: version, digest: plugin["sha256"]?.string, commit: plugin["commit"]?.string)
            })
    }

    /// SHA-256 of the set: two ranks, or two runs, with equal digests use the same plugins.
    public var digest: [UInt8] { Array(SHA256.hash(data: Data(json.text.utf8))) }

    /// What changed since `earlier`, one phrase each; empty when nothing did.
    public func differences(since earlier: PluginLock) -> [String] {
        let (before, now) = (
            Dictionary(earlier.plugins.map { ($0.id, $0) }, uniquingKeysWith: { a, _ in a }),
            Dictionary(plugins.map { ($0.id, $0) }, uniquingKeysWith: { a, _ in a })
        )
        return Set(before.keys).union(now.keys).sorted().compactMap { id in
            switch (before[id], now[id]) {
            case (let old?, let new?) where old != new: "\(old.shown) is now \(new.shown)"
            case (let old?, nil): "\(old.shown) is gone"
            case (nil, let new?): "\(new.shown) is new"
            default: nil
            }
        }
    }

    /// - Throws: `PluginError` (`drift`) with every difference.
    public func check(resumedFrom earlier: PluginLock) throws {
        let differences = differences(since: earlier)
        if !differences.isEmpty { throw PluginError.drift(differences) }
    }

    /// Called by every rank before step 0, with everyone's digests in the order of ranks.
    /// - Throws: `PluginError` (`rankDisagreement`) that names the ranks that differ from rank 0.
    public static func checkAgreement(_ digests: [[UInt8]]) throws {
        let odd = digests.indices.filter { digests[$0] != digests[0] }
        if !odd.isEmpty { throw PluginError.rankDisagreement(odd, of: digests.count) }
    }
}
