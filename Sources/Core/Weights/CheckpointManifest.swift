internal import Foundation

/// What a checkpoint holds: the last file written, so its presence says that the others are complete.
///
/// It ends with the xxh64 of everything before it, so that a damaged manifest is noticed too.
public struct CheckpointManifest: Codable, Sendable {
    /// The newest form that this release writes; it reads all earlier ones.
    public static let currentFormat = 1
    /// The manifest's file name.
    public static let fileName = "manifest.json"

    /// A box of a tensor in a file.
    public struct Box: Codable, Sendable, Hashable {
        public let offset: [Int]
        public let size: [Int]
        public let file: String
        /// The tensor's name in the file.
        public let key: String
    }

    /// A weight or an optimizer state.
    public struct Entry: Codable, Sendable, Hashable {
        public let name: String
        public let kind: String
        /// The global shape.
        public let shape: [Int]
        public let dtype: DType
        /// Boxes that cover the whole tensor.
        public internal(set) var boxes: [Box]

        /// Each tensor once, with the boxes of all entries that name it.
        static func merged(_ entries: [Entry]) -> [Entry] {
            var (merged, places): ([Entry], [[String]: Int]) = ([], [:])
            for entry in entries {
                if let place = places[[entry.kind, entry.name]] {
                    merged[place].boxes += entry.boxes
                } else {
                    places[[entry.kind, entry.name]] = merged.count
                    merged.append(entry)
                }
            }
            return merged
        }
    }

    /// A file of the checkpoint.
    public struct File: Codable, Sendable, Hashable {
        public let name: String
        public let bytes: Int
        /// 16 hexadecimal digits.
        public let xxh64: String
    }

    public let format: Int
    /// Optimizer steps done.
    public let step: Int
    public let tensors: [Entry]
    public let files: [File]
    /// File names of the caller's sections.
    public let sections: [String: String]

    /// The manifest's bytes.
    func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let body = try encoder.encode(self).dropLast()
        return body + Data(Self.seal(body).utf8)
    }

    /// - Throws: `WeightsError` when the bytes are not a whole, undamaged manifest of a known format.
    init(_ data: Data, path: String) throws {
        let attempt = "reading the checkpoint manifest '\(path)'"
        struct Form: Decodable { let format: Int }
        let sealCount = Self.seal(Data()).utf8.count
        let body = data.dropLast(sealCount)
        guard data.count > sealCount, Self.seal(body) == String(decoding: data.suffix(sealCount), as: UTF8.self) else {
            throw WeightsError(attempt, ["its contents do not match the checksum at its end"])
        }
        do {
            let form = try JSONDecoder().decode(Form.self, from: data)
            guard form.format >= 1 && form.format <= Self.currentFormat else {
                throw WeightsError(
                    attempt, ["found format \(form.format), expected at most \(Self.currentFormat)"],
                    hint: "resume with the release that wrote it, or a newer one")
            }
            self = try JSONDecoder().decode(Self.self, from: data)
        } catch let error as DecodingError {
            throw WeightsError(attempt, ["it is not of its format: \(error)"])
        }
    }

    init(step: Int, tensors: [Entry], files: [File], sections: [String: String]) {
        format = Self.currentFormat
        self.step = step
        self.tensors = tensors
        self.files = files
        self.sections = sections
    }

    private static func seal(_ body: Data) -> String {
        var hash = FileHash()
        body.withUnsafeBytes { hash.update($0) }
        return ",\"xxh64\":\"\(hash.hex)\"}\n"
    }
}
