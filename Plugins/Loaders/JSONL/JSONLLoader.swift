public import DataLoader
public import Foundation
public import PluginAPI

/// Reads JSON lines, plain or gzip: raw text, conversations, preference pairs, pre-tokenised lines. One sample a line,
/// its columns the fields of the line's object.
public struct JSONLLoader: LoaderPlugin {
    /// What the recipe's `data.loader:` section may say.
    public struct Config: PluginConfig {
        /// See `help`, here and below.
        public var shuffle = ShuffleSetting.none
        public var shuffleSeed: UInt64?
        public var shuffleBlockSize: Int?
        public var canonicalNodes = 1
        public var columns: [String: String] = [:]

        enum CodingKeys: String, CodingKey {
            case shuffle, columns
            case shuffleSeed = "shuffle_seed"
            case shuffleBlockSize = "shuffle_block_size"
            case canonicalNodes = "canonical_nodes"
        }

        public static let template = Config()
        public static let help = [
            "shuffle": "false = in the order of the files | true | feistel | py1e | py1br | py1s | py2s | naive",
            "shuffle_seed": "seed of the order; null = the run's",
            "shuffle_block_size": "samples that are mixed with each other; null = the order's default",
            "canonical_nodes": "num_canonical_nodes of MosaicML's orders (py1e ...)",
            "columns": "other names for columns: {name that the trainer reads: name in the file}",
        ]
    }

    private let config: Config

    public init(_ config: Config) { self.config = config }

    /// - Throws: `DataError` that lists every path that names no file.
    public func stream(_ paths: [URL], _ context: LoaderContext) throws -> any SampleStream {
        let source = RenamedSource(try JSONLinesSource(files: try files(paths)), names: config.columns)
        guard context.isTraining else { return try OrderedSource(source) }
        let shuffle = try config.shuffle.shuffle(
            seed: config.shuffleSeed ?? context.seed, blockSize: config.shuffleBlockSize,
            canonicalNodeCount: config.canonicalNodes)
        return try OrderedSource(source, shuffle: shuffle)
    }

    /// The files behind paths: `*`, `?` and `[...]` stand for what a shell makes of them; a directory for the
    /// JSON lines in it.
    private func files(_ paths: [URL]) throws -> [String] {
        var files: [String] = []
        var idle: [String] = []
        for path in paths.map({ $0.path(percentEncoded: false) }) {
            var isDirectory: ObjCBool = false
            if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue {
                files.append(path)
                continue
            }
            let patterns = isDirectory.boolValue ? ["/*.jsonl", "/*.jsonl.gz"].map { path + $0 } : [path]
            let found = patterns.flatMap(matches).sorted()
            if found.isEmpty { idle.append(path) }
            files += found
        }
        guard idle.isEmpty else {
            throw DataError(
                "cannot open \(idle.joined(separator: ", ")): there is no such file, nor one that matches",
                hint: "check the paths of data.train and data.validation")
        }
        return files
    }

    private func matches(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }
}

/// Registers `jsonl`.
public struct JSONLLoaderPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.loader("jsonl", JSONLLoader.self) }
}
