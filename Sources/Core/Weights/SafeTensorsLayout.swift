/// Where everything goes in a safetensors file that is about to be written.
struct SafeTensorsLayout: Sendable {
    /// The 8 bytes of header length and the header, padded so that values start at a multiple of 8.
    let header: [UInt8]
    /// What each name holds and where its values lie, in bytes from the start of the file.
    let places: [String: (spec: TensorSpec, start: Int)]
    let fileByteCount: Int

    /// Wide element types come first, so that every tensor is aligned to its own element size.
    init(_ specs: [TensorSpec], metadata: [String: String]) {
        var offset = 0
        var ranges: [(spec: TensorSpec, range: Range<Int>)] = []
        for width in [8, 4, 2, 1] {
            for spec in specs where spec.dtype.byteCount == width {
                ranges.append((spec, offset..<offset + spec.byteCount))
                offset += spec.byteCount
            }
        }
        var parts: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { Self.quoted($0.key) + ":" + Self.quoted($0.value) }
            parts.append(#""__metadata__":{\#(pairs.joined(separator: ","))}"#)
        }
        for (spec, range) in ranges {
            let shape = spec.shape.map(String.init).joined(separator: ",")
            parts.append(
                Self.quoted(spec.name) + #":{"dtype":"\#(StoredType(spec.dtype))","shape":[\#(shape)],"#
                    + #""data_offsets":[\#(range.lowerBound),\#(range.upperBound)]}"#)
        }
        var text = Array("{\(parts.joined(separator: ","))}".utf8)
        text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        let header = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
        self.header = header
        places = Dictionary(ranges.map { ($0.spec.name, ($0.spec, header.count + $0.range.lowerBound)) }) { first, _ in
            preconditionFailure("safetensors: two tensors are named '\(first.0.name)'")
        }
        fileByteCount = header.count + offset
    }

    /// Text as a JSON string.
    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
