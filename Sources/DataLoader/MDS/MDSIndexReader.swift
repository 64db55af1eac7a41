import Foundation
internal import JSON

/// Reads an index shard by shard, checks each, and keeps only where it is; collects every problem.
///
/// Neighbouring shards say the same of their columns, byte for byte: that part is compared, not parsed again.
struct MDSIndexReader {
    private(set) var offsets: [Int] = []
    private(set) var sampleCounts: [UInt32] = []
    private(set) var rawBytes = 0
    private(set) var compressions: Set<String> = []
    private(set) var problems: [String] = []
    let digest = RunningHash(.xxh64)
    private let text: IndexText
    private var digested = 0
    private var version: JSONValue?
    private var hasShards = false
    /// The last shard that was parsed as a whole, from its brace up to the key `raw_data`.
    private var common: Range<Int>?
    private var isCompressed = false

    init(_ text: IndexText) { self.text = text }

    mutating func read(_ bytes: UnsafeRawBufferPointer) throws {
        var parser = JSONParser(bytes)
        try parser.object { (parser, key) throws(JSONError) in
            switch key {
            case "version": version = try parser.value()
            case "shards":
                hasShards = true
                try parser.list { (parser) throws(JSONError) in
                    try shard(&parser, bytes)
                    if parser.offset - digested > 4 << 20 { digest(bytes, to: parser.offset) }
                }
            default: _ = try parser.value()
            }
        }
        parser.skipSpace()
        guard parser.isAtEnd else { throw JSONError(offset: parser.offset, expected: "the end of the text") }
        digest(bytes, to: bytes.count)
        if version?.integer != 2 { problems.append("version is \(version?.text ?? "absent"), expected 2") }
        if !hasShards { problems.append("there is no list of shards") }
    }

    private mutating func digest(_ bytes: UnsafeRawBufferPointer, to end: Int) {
        digest.update(UnsafeRawBufferPointer(rebasing: bytes[digested..<end]))
        text.release(digested..<end)
        digested = end
    }

    private mutating func shard(_ parser: inout JSONParser, _ bytes: UnsafeRawBufferPointer) throws(JSONError) {
        parser.skipSpace()
        let start = parser.offset
        if let common, MDSIndexReader.repeats(bytes, common, at: start) {
            let before = parser
            parser.advance(by: common.count)
            if let known = rest(&parser) {
                add(start, known.samples, known.rawBytes)
                return
            }
            parser = before
        }
        let object = try parser.value()
        var found: [String] = []
        let shard = MDSIndexReader.shard(object, &found)
        problems.append(contentsOf: found.map { "shard \(offsets.count): \($0)" })
        add(start, shard?.sampleCount ?? 0, shard?.raw.byteCount ?? 0)
        guard let shard, found.isEmpty else { return }
        if let name = shard.compression { compressions.insert(name) }
        isCompressed = shard.zip != nil
        common = MDSIndexReader.head(bytes, start..<parser.offset)
    }

    private mutating func add(_ offset: Int, _ samples: Int, _ bytes: Int) {
        offsets.append(offset)
        sampleCounts.append(UInt32(clamping: samples))
        rawBytes += bytes
    }

    private static func repeats(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, at start: Int) -> Bool {
        guard let base = bytes.baseAddress, bytes.count - start > range.count else { return false }
        return memcmp(base + start, base + range.lowerBound, range.count) == 0
    }

    /// From the brace of a shard's object up to its key `raw_data`, before which everything is about the columns. (A
    /// column of that name makes the range too short, and then no shard's rest can be read the short way.)
    private static func head(_ bytes: UnsafeRawBufferPointer, _ object: Range<Int>) -> Range<Int>? {
        let key = Array("\"raw_data\"".utf8)
        let found = object.first { bytes[$0] == key[0] && bytes[$0..<object.upperBound].starts(with: key) }
        return found.map { object.lowerBound..<$0 }
    }

    /// The members from `raw_data` on, or nil for anything out of the ordinary: then the whole object is parsed, which
    /// names the problem if there is one.
    private func rest(_ parser: inout JSONParser) -> (samples: Int, rawBytes: Int)? {
        var (samples, rawBytes, zipBytes, version) = (-1, -1, -1, -1)
        var isOrdinary = true
        do {
            try parser.members { (parser, key) throws(JSONError) in
                switch key {
                case "raw_data": rawBytes = try MDSIndexReader.byteCount(&parser) ?? -1
                case "zip_data" where isCompressed: zipBytes = try MDSIndexReader.byteCount(&parser) ?? -1
                case "samples": samples = try parser.integer()
                case "version": version = try parser.integer()
                case "size_limit", "zip_data": _ = try parser.range()
                default:
                    isOrdinary = false
                    _ = try parser.range()
                }
            }
        } catch {
            return nil
        }
        guard isOrdinary, version == 2, samples >= 0, samples <= UInt32.max, rawBytes >= 0 else { return nil }
        return !isCompressed || zipBytes >= 0 ? (samples, rawBytes) : nil
    }

    /// The size of a file whose name is a plain one; nil for others, which are looked at more closely.
    private static func byteCount(_ parser: inout JSONParser) throws(JSONError) -> Int? {
        var bytes: Int?
        var isPlain = false
        try parser.object { (parser, key) throws(JSONError) in
            switch key {
            case "basename":
                let name = try parser.value().string ?? ""
                isPlain = !name.isEmpty && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
            case "bytes": bytes = try parser.integer()
            default: _ = try parser.range()
            }
        }
        return isPlain ? bytes : nil
    }

    /// The shard that `object` describes; nil when it cannot be told, with the reasons appended to `problems`.
    static func shard(_ object: JSONValue, _ problems: inout [String]) -> MDSShard? {
        guard case .object = object else {
            problems.append("found \(object.text.prefix(40)), expected an object")
            return nil
        }
        if object["version"]?.integer != 2 {
            problems.append("version is \(object["version"]?.text ?? "absent"), expected 2")
        }
        guard object["format"]?.string == "mds" else {
            problems.append("format is \(object["format"]?.text ?? "absent"), expected \"mds\"")
            return nil
        }
        let schema = schema(object, &problems)
        let samples = object["samples"]?.integer
        if samples.map({ $0 < 0 || $0 > UInt32.max }) ?? true {
            problems.append("samples is \(object["samples"]?.text ?? "absent"), expected a number below 2^32")
        }
        let raw = file(object["raw_data"], "raw_data", &problems)
        var compression: String?
        var zip: MDSFile?
        if let name = object["compression"], name != .null {
            compression = name.string
            if compression == nil { problems.append("compression is \(name.text), expected a name or null") }
            zip = file(object["zip_data"], "zip_data", &problems)
        }
        guard let schema, let samples, let raw else { return nil }
        return MDSShard(schema: schema, sampleCount: samples, raw: raw, zip: zip, compression: compression)
    }

    private static func schema(_ object: JSONValue, _ problems: inout [String]) -> Schema? {
        let names = object["column_names"]?.array?.compactMap(\.string)
        let encodings = object["column_encodings"]?.array?.compactMap(\.string)
        let sizes = object["column_sizes"]?.array
        guard let names, let encodings, let sizes, names.count == encodings.count, names.count == sizes.count else {
            problems.append("column_names, column_encodings and column_sizes are not three lists of equal length")
            return nil
        }
        var known: [ColumnEncoding] = []
        for (place, name) in encodings.enumerated() {
            guard let encoding = ColumnEncoding(name) else {
                problems.append("column \"\(names[place])\" has the unknown encoding \"\(name)\"")
                continue
            }
            let size = sizes[place] == .null || sizes[place].integer == 0 ? nil : sizes[place].integer
            if size != encoding.fixedByteCount {
                problems.append(
                    "column \"\(names[place])\" of encoding \(name) has size \(sizes[place].text), "
                        + "expected \(encoding.fixedByteCount.map(String.init) ?? "null")")
            }
            known.append(encoding)
        }
        if Set(names).count != names.count { problems.append("a column name occurs twice") }
        return known.count == names.count ? Schema(names: names, encodings: known) : nil
    }

    private static func file(_ value: JSONValue?, _ key: String, _ problems: inout [String]) -> MDSFile? {
        guard let value, let name = value["basename"]?.string, let bytes = value["bytes"]?.integer, bytes >= 0 else {
            problems.append("\(key) needs a basename and a size in bytes")
            return nil
        }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !name.hasPrefix("/"), !parts.contains(".."), !parts.contains("") else {
            problems.append("\(key) has the path \"\(name)\", which leaves the data set's directory")
            return nil
        }
        var hashes: [String: String] = [:]
        if case .object(let members)? = value["hashes"] {
            for member in members { hashes[member.key] = member.value.string?.lowercased() }
        }
        return MDSFile(name: name, byteCount: bytes, hashes: hashes)
    }
}
