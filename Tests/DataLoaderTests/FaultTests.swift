import JSON
import DataLoader
import Foundation
import Synchronization
import Testing

/// A remote place with faults: files that are missing, or that arrive damaged for a while.
final class FaultyStorage: Storage {
    let inner: LocalStorage
    let damagedFetches: Mutex<Int>
    let isEmptied = Mutex(false)
    let fetches = Mutex<[String]>([])

    init(_ directory: String, damagedFetches: Int = 0) {
        inner = LocalStorage(directory)
        self.damagedFetches = Mutex(damagedFetches)
    }

    var location: String { "remote:" + inner.directory }
    var localDirectory: String? { nil }

    func byteCount(of path: String) throws -> Int? {
        isEmptied.withLock { $0 } ? nil : try inner.byteCount(of: path)
    }

    func fetch(_ path: String, to destination: String) throws {
        fetches.withLock { $0.append(path) }
        try inner.fetch(path, to: destination)
        guard path != "index.json" else { return }
        let isDamaged = damagedFetches.withLock { left in
            defer { left = max(0, left - 1) }
            return left > 0
        }
        if isDamaged { try TestData.truncate(destination, to: 40) }
    }
}

/// Collects what a data set reports.
final class Events: Sendable {
    let all = Mutex<[DataEvent]>([])
    let log: DataEventLog

    init() {
        let box = Box()
        self.box = box
        log = DataEventLog { event in box.events.withLock { $0.append(event) } }
    }

    final class Box: Sendable { let events = Mutex<[DataEvent]>([]) }
    private let box: Box

    func reported(_ kind: DataEvent.Kind) -> [String] {
        box.events.withLock { $0.filter { $0.kind == kind }.map(\.file) }
    }
}

@Suite("Faults of storage")
struct FaultTests {
    let remote: TemporaryDirectory
    let cache: TemporaryDirectory
    let events = Events()

    init() throws {
        remote = try TemporaryDirectory()
        cache = try TemporaryDirectory()
    }

    func options(_ keepsCompressed: Bool = true, limit: Int? = nil) -> MDSDataset.Options {
        MDSDataset.Options(cache: cache.path, cacheLimit: limit, keepsCompressed: keepsCompressed, memoryLimit: 0)
    }

    @Test("1: shards deleted by someone else are fetched again, reported once each, and no sample is lost")
    func externalEviction() throws {
        try TestData.write(remote.path, compression: "zstd")
        let data = try MDSDataset(FaultyStorage(remote.path), options: options(), log: events.log)
        #expect(try TestData.ids(data) == Array(0..<100))
        let shards = try cache.names().filter { $0.hasPrefix("shard") }
        for _ in 0..<2 {
            for name in shards { try FileManager.default.removeItem(atPath: cache.path + "/" + name) }
            #expect(try TestData.ids(data) == Array(0..<100))
        }
        #expect(events.reported(.externalEviction).sorted() == shards)
        #expect(events.log.count(of: .externalEviction) == 2 * shards.count)
        #expect(events.reported(.healed).sorted() == shards)
    }

    @Test("2: switching from compressed to uncompressed copies deletes the compressed one, never the only one")
    func keepSwitch() throws {
        let index = try TestData.write(remote.path, compression: "zstd")
        let kept = try MDSDataset(FaultyStorage(remote.path), options: options(true), log: events.log)
        #expect(try TestData.ids(kept) == Array(0..<100))
        let switched = try MDSDataset(FaultyStorage(remote.path), options: options(false), log: events.log)
        #expect(try TestData.ids(switched) == Array(0..<100))
        #expect(try cache.names() == ["index.json"] + index.shards.map(\.raw.name))
        // Both forms lie there, as after a crash in the middle: the uncompressed one stays.
        for shard in index.shards {
            try FileManager.default.copyItem(
                atPath: remote.path + "/" + shard.stored.name, toPath: cache.path + "/" + shard.stored.name)
        }
        let storage = FaultyStorage(remote.path)
        let again = try MDSDataset(storage, options: options(false), log: events.log)
        #expect(try TestData.ids(again) == Array(0..<100))
        #expect(try cache.names() == ["index.json"] + index.shards.map(\.raw.name))
        #expect(storage.fetches.withLock { $0 } == ["index.json"])
    }

    @Test("3: a truncated shard in the cache is fetched again", arguments: [nil, "zstd", "gz"])
    func truncated(_ compression: String?) throws {
        let index = try TestData.write(remote.path, compression: compression)
        let data = try MDSDataset(FaultyStorage(remote.path), options: options(), log: events.log)
        _ = try TestData.ids(data)
        let name = index.shards[1].stored.name
        for length in [0, 3, index.shards[1].stored.byteCount - 1] {
            try TestData.truncate(cache.path + "/" + name, to: length)
            #expect(try TestData.ids(data) == Array(0..<100))
        }
        #expect(events.reported(.damaged) == [name])
        #expect(events.reported(.healed) == [name])
        #expect(events.log.count(of: .damaged) == 3)
    }

    @Test("4: a flipped byte is found at the next opening, by every checksum", arguments: HashAlgorithm.allCases)
    func flipped(_ hash: HashAlgorithm) throws {
        let index = try TestData.write(remote.path, hashes: [hash])
        let data = try MDSDataset(FaultyStorage(remote.path), options: options(), log: events.log)
        _ = try TestData.ids(data)
        let file = index.shards[2].stored
        for offset in [0, 20, file.byteCount / 2, file.byteCount - 1] {
            try TestData.flip(cache.path + "/" + file.name, at: offset)
            #expect(try TestData.ids(data) == Array(0..<100))
        }
        #expect(events.reported(.damaged) == [file.name])
        #expect(events.log.count(of: .damaged) == 4)
    }

    @Test("4: a flipped byte in the only copy is refused, with the file, both checksums and what to do")
    func flippedOnlyCopy() throws {
        let index = try TestData.write(remote.path)
        let file = index.shards[0].stored
        try TestData.flip(remote.path + "/" + file.name, at: 500)
        let data = try MDSDataset(directory: remote.path, log: events.log)
        #expect {
            try data.sample(at: 0)
        } throws: {
            let text = "\($0)"
            return text.contains("\(remote.path)/\(file.name)") && text.contains("its xxh64 is ")
                && text.contains("the index says \(file.hashes["xxh64"]!)") && text.contains("forktail data verify")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: remote.path).count == index.shards.count + 1)
        #expect(data.verify().count == 1)
    }

    @Test("4: damage beside a good compressed copy is healed from it, in place and without touching a file")
    func healedFromTwin() throws {
        let index = try TestData.write(remote.path, compression: "zstd")
        let raw = try TemporaryDirectory()
        try TestData.write(raw.path)
        for shard in index.shards {
            try Data([1, 2, 3]).write(to: URL(fileURLWithPath: remote.path + "/" + shard.raw.name))
        }
        let data = try MDSDataset(directory: remote.path, options: .init(memoryLimit: 0), log: events.log)
        #expect(try TestData.ids(data) == Array(0..<100))
        #expect(events.reported(.damaged).count == index.shards.count)
        #expect(events.reported(.healed).count == index.shards.count)
        #expect(try remote.names().count == 2 * index.shards.count + 1)
    }

    @Test("5: a limit on the only copy is refused before anything is read")
    func onlyCopy() throws {
        try TestData.write(remote.path)
        let names = try remote.names()
        for cache in [nil, remote.path, remote.path + "/../" + (remote.path as NSString).lastPathComponent] {
            #expect {
                try MDSDataset(directory: remote.path, options: .init(cache: cache, cacheLimit: 2000))
            } throws: {
                "\($0)".contains("deleting them would lose data")
            }
        }
        #expect(try remote.names() == names)
    }

    @Test("5: the cache stays below its limit, and keeps what the remote place has lost")
    func cacheLimit() throws {
        let index = try TestData.write(remote.path)
        let limit = index.shards[0].stored.byteCount * 2 + 100
        let storage = FaultyStorage(remote.path)
        let data = try MDSDataset(storage, options: options(limit: limit), log: events.log)
        #expect(try TestData.ids(data) == Array(0..<100))
        #expect(try cache.names().count == 1 + 2)
        #expect(events.reported(.externalEviction).isEmpty, "our own evictions are not somebody else's")
        _ = try data.sample(at: 0)
        storage.isEmptied.withLock { $0 = true }
        let before = try cache.names()
        _ = try data.sample(at: 30)
        _ = try data.sample(at: 60)
        #expect(Set(before).isSubset(of: Set(try cache.names())))
        #expect(!events.reported(.evictionRefused).isEmpty)
    }

    @Test("a fetch that arrives damaged is tried again, and given up after the retries with the shard's name")
    func damagedFetch() throws {
        let index = try TestData.write(remote.path)
        let flaky = try MDSDataset(FaultyStorage(remote.path, damagedFetches: 2), options: options(), log: events.log)
        #expect(try flaky.sample(at: 0).column("id").integer() == 0)
        try FileManager.default.removeItem(atPath: cache.path + "/" + index.shards[0].stored.name)
        let storage = FaultyStorage(remote.path, damagedFetches: 99)
        let broken = try MDSDataset(storage, options: options(), log: events.log)
        #expect {
            try broken.sample(at: 0)
        } throws: {
            "\($0)".contains(index.shards[0].stored.name) && "\($0)".contains("40 bytes")
        }
        #expect(storage.fetches.withLock { $0.count } == 1 + 3)
    }

    @Test("many threads read one data set, and each shard is opened once")
    func threads() async throws {
        try TestData.write(remote.path, count: 2000, compression: "zstd")
        let storage = FaultyStorage(remote.path)
        let cached = MDSDataset.Options(cache: cache.path)
        let data = try MDSDataset(storage, options: cached, log: events.log)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    try (0..<2000).reduce(0) { try $0 + data.sample(at: ($1 * 7 + task) % 2000).column("id").integer() }
                }
            }
            for try await sum in group { #expect(sum == 1999 * 1000) }
        }
        #expect(storage.fetches.withLock { $0.count } == 1 + data.index.shards.count)
    }
}
