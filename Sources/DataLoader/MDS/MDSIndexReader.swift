internal import JSON

/// Reads an index shard by shard, so that a million shards need no tree of a million objects; collects every problem.
struct MDSIndexReader {
    private(set) var shards: [MDSShard] = []
    private(set) var problems: [String] = []
    private var version: JSONValue?
    private var hasShards = false

    mutating func read(_ bytes: UnsafeRawBufferPointer) throws {
        var parser = JSONParser(bytes)
        try parser.object { (parser, key) throws(JSONError) in
            switch key {
            case "version": version = try parser.value()
            case "shards":
                hasShards = true
                var number = 0
                try parser.list { (parser) throws(JSONError) in
                    add(try parser.value(), number: number)
                    number += 1
                }
            default: _ = try parser.value()
            }
        }
        parser.skipSpace()
        guard parser.isAtEnd else { throw JSONError(offset: parser.offset, expected: "the end of the text") }
        if version?.integer != 2 { problems.append("version is \(version?.text ?? "absent"), expected 2") }
        if !hasShards { problems.append("there is no list of shards") }
    }

    private mutating func add(_ object: JSONValue, number: Int) {
        var found: [String] = []
        let shard = MDSIndexReader.shard(object, &found)
        if let shard, found.isEmpty {
            // Neighbours nearly always have equal columns: share the arrays.
            if let last = shards.last, last.schema == shard.schema {
                shards.append(
                    MDSShard(
                        schema: last.schema, sampleCount: shard.sampleCount, raw: shard.raw, zip: shard.zip,
                        compression: shard.compression))
            } else {
                shards.append(shard)
            }
        }
        problems.append(contentsOf: found.map { "shard \(number): \($0)" })
    }

    private static func shard(_ object: JSONValue, _ problems: inout [String]) -> MDSShard? {
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
