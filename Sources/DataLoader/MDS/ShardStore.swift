import Synchronization

/// Finds a shard's bytes: in place, in the cache directory, or in the remote place; heals what it can.
///
/// Rules: files of the data set's own directory are never changed. A cached file is deleted only when this run
/// fetched it and the remote place still has a copy of the right size.
final class ShardStore: Sendable {
    private struct State {
        /// Shards that this run fetched, oldest first, with the bytes they take on disk.
        var fetched: [(number: Int, shard: MDSShard, bytes: Int)] = []
        /// Shards that this run has read from the cache directory.
        var seen: Set<Int> = []
    }

    private let storage: any Storage
    private let options: MDSDataset.Options
    private let log: DataEventLog
    private let directory: String
    private let isCache: Bool
    private let pool = BufferPool()
    private let state = Mutex(State())

    init(_ storage: any Storage, _ options: MDSDataset.Options, _ log: DataEventLog) throws {
        self.storage = storage
        self.options = options
        self.log = log
        let own = storage.localDirectory.map(FileSystem.canonical)
        if let cache = options.cache, own != FileSystem.canonical(cache) {
            try FileSystem.createDirectory(cache)
            directory = cache
            isCache = true
        } else if let local = storage.localDirectory {
            directory = local
            isCache = false
        } else {
            throw DataError("cannot read \(storage.location) without a cache directory", hint: "set data.loader.cache")
        }
        if options.cacheLimit != nil && !isCache {
            throw DataError(
                "cannot limit the cache of \(storage.location): its files are the data set itself, not copies, and "
                    + "deleting them would lose data", hint: "remove cache_limit, or set data.loader.cache")
        }
    }

    /// The index file's text; a cached copy is refreshed from the remote place each time.
    func index() throws -> IndexText {
        let path = directory + "/" + MDSIndex.fileName
        if isCache { try storage.fetch(MDSIndex.fileName, to: path) }
        guard try FileSystem.byteCount(of: path) != nil else {
            throw DataError(
                "cannot open the data set \(storage.location): there is no \(MDSIndex.fileName) in it",
                hint: "name the directory that holds \(MDSIndex.fileName), or make one with `forktail data shard`")
        }
        return try IndexText(file: path)
    }

    /// The verified, uncompressed bytes of shard `number`.
    ///
    /// - Throws: ``DataError`` that names the file and what is wrong when no good copy can be found.
    func open(_ shard: MDSShard, number: Int) throws -> OpenShard {
        var problems: [String] = []
        if let open = try fromDirectory(shard, number, &problems) { return open }
        guard isCache else { throw refusal(shard, problems) }
        if problems.isEmpty, state.withLock({ $0.seen.contains(number) }) {
            log.add(.externalEviction, shard.stored.name, "it is fetched again from \(storage.location)")
            problems.append("it was deleted")
        }
        let wasLost = !problems.isEmpty
        for _ in 0...options.retryCount {
            try fetch(shard)
            if let open = try fromDirectory(shard, number, &problems) {
                if wasLost { log.add(.healed, shard.stored.name, "fetched again from \(storage.location)") }
                try keepCacheSmall(shard, number)
                return open
            }
        }
        throw refusal(shard, problems)
    }

    private func fromDirectory(_ shard: MDSShard, _ number: Int, _ problems: inout [String]) throws -> OpenShard? {
        let known = problems.count
        for form in [ShardFile.Form.raw, .zip] {
            guard let file = form == .raw ? shard.raw : shard.zip else { continue }
            let path = directory + "/" + file.name
            guard try FileSystem.byteCount(of: path) != nil else { continue }
            do {
                let open = try OpenShard(try ShardFile.load(shard, form, at: path, pool), shard)
                if problems.count > known {
                    log.add(.healed, shard.raw.name, "\(file.name) beside it is good and is read instead")
                    if isCache { try FileSystem.remove(directory + "/" + shard.raw.name) }
                }
                if isCache { try settle(shard, number, form, open) }
                return open
            } catch let damage as Damage {
                log.add(.damaged, file.name, damage.problem)
                problems.append("\(file.name): \(damage.problem)")
            }
        }
        return nil
    }

    /// After a cached file proved good: notes it, and keeps the one form that the options ask for.
    private func settle(_ shard: MDSShard, _ number: Int, _ form: ShardFile.Form, _ open: OpenShard) throws {
        state.withLock { _ = $0.seen.insert(number) }
        guard let zip = shard.zip, !options.keepsCompressed else { return }
        if form == .zip {
            try FileSystem.writeAtomically(to: directory + "/" + shard.raw.name) { output in
                try open.buffer.withUnsafeBytes { try output.write($0) }
            }
        }
        // The raw file is complete and verified, and the remote place has the compressed one.
        try FileSystem.remove(directory + "/" + zip.name)
    }

    private func fetch(_ shard: MDSShard) throws {
        let file = shard.stored
        let destination = directory + "/" + file.name
        if let slash = destination.lastIndex(of: "/"), file.name.contains("/") {
            try FileSystem.createDirectory(String(destination[..<slash]))
        }
        // A damaged raw file would be found first again; what is fetched replaces it.
        if file != shard.raw, try storage.byteCount(of: file.name) == file.byteCount {
            try FileSystem.remove(directory + "/" + shard.raw.name)
        }
        try storage.fetch(file.name, to: destination)
    }

    private func keepCacheSmall(_ shard: MDSShard, _ number: Int) throws {
        guard let limit = options.cacheLimit else { return }
        let bytes = options.keepsCompressed ? shard.stored.byteCount : shard.raw.byteCount
        let surplus = state.withLock { state in
            state.fetched.removeAll { $0.number == number }
            state.fetched.append((number, shard, bytes))
            var total = state.fetched.reduce(0) { $0 + $1.bytes }
            var surplus: [MDSShard] = []
            while total > limit, state.fetched.count > 1 {
                let oldest = state.fetched.removeFirst()
                total -= oldest.bytes
                surplus.append(oldest.shard)
                state.seen.remove(oldest.number)
            }
            return surplus
        }
        for shard in surplus { try evict(shard) }
    }

    private func evict(_ shard: MDSShard) throws {
        guard try storage.byteCount(of: shard.stored.name) == shard.stored.byteCount else {
            log.add(.evictionRefused, shard.stored.name, "\(storage.location) has no copy of the right size")
            return
        }
        try FileSystem.remove(directory + "/" + shard.raw.name)
        if let zip = shard.zip { try FileSystem.remove(directory + "/" + zip.name) }
    }

    private func refusal(_ shard: MDSShard, _ problems: [String]) -> DataError {
        let found = problems.isEmpty ? "it is missing" : problems.joined(separator: "; ")
        return DataError(
            "cannot read shard \(storage.location)/\(shard.stored.name): \(found)",
            hint: "restore this file from a copy; `forktail data verify \(storage.location)` checks all of them")
    }
}
