internal import Foundation

/// The checked table of contents of a safetensors file: 8 bytes of header length, JSON, then the values.
struct SafeTensorsHeader {
    /// One tensor's place.
    struct Entry: Sendable {
        let name: String
        let type: StoredType
        let shape: [Int]
        /// Bytes from the start of the file.
        let range: Range<Int>
    }

    /// In the order of their bytes.
    let entries: [Entry]
    let metadata: [String: String]

    /// Longer headers are refused, as the format's own reader does.
    static let maximumByteCount = 100_000_000

    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - path: for messages.
    /// - Throws: `WeightsError` with all problems of the header.
    init(_ bytes: UnsafeRawBufferPointer, path: String) throws {
        func fail(_ problems: String..., hint: String? = nil) -> WeightsError {
            WeightsError("reading '\(path)'", problems, hint: hint)
        }
        let again = "the file is cut short or not a safetensors file: fetch or write it again"
        guard bytes.count >= 8 else {
            throw fail("found \(bytes.count) bytes, expected at least 8 of header length", hint: again)
        }
        let announced = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        if bytes.starts(with: Array("version https://git-lfs".utf8)) {
            throw fail(
                "found a Git LFS pointer, expected the file itself", hint: "run `git lfs pull` where it came from")
        }
        guard announced <= UInt64(Self.maximumByteCount) else {
            throw fail("found a header of \(announced) bytes, expected at most \(Self.maximumByteCount)", hint: again)
        }
        let start = 8 + Int(announced)
        guard start <= bytes.count else {
            throw fail("found \(bytes.count) bytes, expected at least \(start) for the header", hint: again)
        }
        let text = Data(bytes[8..<start])
        let table: Table
        do {
            table = try JSONDecoder().decode(Table.self, from: text)
        } catch {
            throw fail("the header is no table of tensors: \(Self.explain(error))", hint: again)
        }
        var problems = Self.repeatedKeys(text).map { "tensor '\($0)' is listed more than once" }
        var entries: [Entry] = []
        for (name, raw) in table.tensors {
            let result = Self.entry(name, raw, valueBytes: bytes.count - start, start: start)
            switch result {
            case .success(let entry): entries.append(entry)
            case .failure(let problem): problems.append(problem.text)
            }
        }
        func place(_ entry: Entry) -> (Int, Int, String) {
            (entry.range.lowerBound, entry.range.upperBound, entry.name)
        }
        entries.sort { place($0) < place($1) }
        for (first, second) in zip(entries, entries.dropFirst()) {
            let shared = min(first.range.upperBound, second.range.upperBound) - second.range.lowerBound
            if shared <= 0 { continue }
            problems.append("tensors '\(first.name)' and '\(second.name)' overlap by \(shared) bytes, expected none")
        }
        guard problems.isEmpty else { throw WeightsError("reading '\(path)'", problems.sorted(), hint: again) }
        self.entries = entries
        metadata = table.metadata
    }

    private struct Problem: Error {
        let text: String
    }

    private static func entry(
        _ name: String, _ raw: RawEntry, valueBytes: Int, start: Int
    ) -> Result<Entry, Problem> {
        func fail(_ text: String) -> Result<Entry, Problem> { .failure(Problem(text: "tensor '\(name)' " + text)) }
        guard raw.data_offsets.count == 2, raw.data_offsets[0] >= 0, raw.data_offsets[1] >= raw.data_offsets[0] else {
            return fail("has the offsets \(raw.data_offsets), expected [begin, end] in order")
        }
        let (begin, end) = (raw.data_offsets[0], raw.data_offsets[1])
        guard end <= valueBytes else {
            return fail("ends at byte \(end) of the values, expected at most \(valueBytes), the bytes found")
        }
        guard raw.shape.allSatisfy({ $0 >= 0 }) else { return fail("has the shape \(raw.shape)") }
        let type = StoredType(raw.dtype)
        if let size = type.byteCount {
            var expected = size
            for dim in raw.shape {
                let (product, overflow) = expected.multipliedReportingOverflow(by: dim)
                if overflow { return fail("has the shape \(raw.shape), more bytes than can be counted") }
                expected = product
            }
            guard end - begin == expected else {
                return fail("of \(type) \(raw.shape) has \(end - begin) bytes, expected \(expected)")
            }
        }
        return .success(Entry(name: name, type: type, shape: raw.shape, range: start + begin..<start + end))
    }

    private static func explain(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        switch error {
        case .keyNotFound(let key, let context):
            return "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' lacks '\(key.stringValue)'"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' has a value of another type"
        default: return "it is not JSON"
        }
    }

    /// Keys of the outermost object that appear twice, which JSON decoders silently merge.
    private static func repeatedKeys(_ json: Data) -> [String] {
        var seen: Set<Data> = []
        var repeated: [String] = []
        var depth = 0
        var quote: Int?
        var key: Data?
        var escaped = false
        for (index, byte) in json.enumerated() {
            if let start = quote {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    if depth == 1 { key = json[json.startIndex + start..<json.startIndex + index] }
                    quote = nil
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): quote = index + 1
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: ":"):
                if depth == 1, let name = key, !seen.insert(name).inserted {
                    repeated.append(String(decoding: name, as: UTF8.self))
                }
            default: break
            }
        }
        return repeated
    }

    /// The header's JSON as it is.
    private struct Table: Decodable {
        var tensors: [(name: String, entry: RawEntry)] = []
        var metadata: [String: String] = [:]

        init(from decoder: any Swift.Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            for key in container.allKeys {
                if key.stringValue == "__metadata__" {
                    metadata = try container.decode([String: String].self, forKey: key)
                } else {
                    tensors.append((key.stringValue, try container.decode(RawEntry.self, forKey: key)))
                }
            }
        }
    }

    /// One value of the table; the names are the format's.
    private struct RawEntry: Decodable {
        let dtype: String
        let shape: [Int]
        let data_offsets: [Int]
    }

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
