extension BytePairModel {
    /// Reads the `model` of a tokenizer.json.
    /// - Parameter tokens: its vocabulary.
    convenience init(
        _ json: JSON, tokens: [(spelling: String, id: Int32)], isByteLevel: Bool
    ) throws(TokenizerError) {
        // Files of the first versions have no type; only BPE has merges.
        if json["type"] != nil || json["merges"] == nil {
            let component = try Component(json, "model")
            if component.type != "BPE" { throw component.unsupported(["BPE"]) }
        }
        try BytePairModel.rejectUnsupportedOptions(json)
        var ids = ByteMap(minimumCapacity: tokens.count)
        var pieces = ByteMap(minimumCapacity: tokens.count)
        for (spelling, id) in tokens {
            var spelling = spelling
            _ = spelling.withUTF8 { ids.update($0, value: Int(id)) }
            let bytes = isByteLevel ? ByteAlphabet.bytes(of: spelling) : Array(spelling.utf8)
            _ = bytes?.withUnsafeBufferPointer { pieces.update($0, value: Int(id)) }
        }
        self.init(
            merges: try BytePairModel.merges(json["merges"], ids: ids), vocabulary: pieces,
            symbols: BytePairModel.symbols(json, ids: ids, isByteLevel: isByteLevel),
            keepsWholePieces: json["ignore_merges"]?.bool ?? false)
    }

    private static func symbols(_ json: JSON, ids: ByteMap, isByteLevel: Bool) -> Symbols {
        func byteID(_ token: String) -> Int32 { ids[token].map(Int32.init(truncatingIfNeeded:)) ?? -1 }
        if isByteLevel {
            return .bytes(ByteAlphabet.scalars.map { byteID(String(Character($0))) })
        } else {
            let hexadecimal = (0..<256).map { String($0, radix: 16, uppercase: true) }
            let fallback = hexadecimal.map { byteID($0.utf8.count == 1 ? "<0x0\($0)>" : "<0x\($0)>") }
            return .scalars(
                bytes: json["byte_fallback"]?.bool ?? false ? fallback : nil,
                unknown: json["unk_token"]?.string.flatMap { ids[$0] }.map(Int32.init(truncatingIfNeeded:)),
                fusesUnknown: json["fuse_unk"]?.bool ?? false)
        }
    }

    private static func rejectUnsupportedOptions(_ json: JSON) throws(TokenizerError) {
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let value = json[key]?.string, !value.isEmpty {
                throw TokenizerError(
                    .unsupportedComponent, "model.\(key) of tokenizer.json is \"\(value)\"; expected none",
                    hint: "only byte-level and byte-fallback BPE load")
            }
        }
        if case .number(let dropout)? = json["dropout"], dropout != 0 {
            throw TokenizerError(
                .unsupportedComponent, "model.dropout of tokenizer.json is \(dropout); expected null",
                hint: "set it to null: encoding is a function of the text here")
        }
    }

    private static func merges(_ json: JSON?, ids: ByteMap) throws(TokenizerError) -> PairMap<UInt64> {
        guard let list = json?.array else { throw Component.missing("model.merges", "a list") }
        var merges = PairMap(unset: noMerge, minimumCapacity: list.count)
        for (rank, element) in list.enumerated() {
            guard let (first, second) = pair(element) else {
                throw Component.missing("model.merges[\(rank)]", "\"a b\" or [\"a\", \"b\"]")
            }
            guard let firstID = ids[first], let secondID = ids[second], let id = ids[first + second] else {
                throw Component.missing("model.merges[\(rank)]", "two tokens whose join is in the vocabulary too")
            }
            merges[Int32(firstID), Int32(secondID)] = UInt64(rank) << 32 | UInt64(id)
        }
        return merges
    }

    /// The two parts of a merge: a pair, or one text with a space between them.
    private static func pair(_ json: JSON) -> (String, String)? {
        if let parts = json.array {
            guard parts.count == 2, let first = parts[0].string, let second = parts[1].string else { return nil }
            return (first, second)
        }
        guard let text = json.string?.utf8 else { return nil }
        let parts = text.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        return (String(Substring(parts[0])), String(Substring(parts[1])))
    }
}
