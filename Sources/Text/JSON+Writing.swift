import Foundation

extension JSON {
    /// The document as indented UTF-8 with a final newline.
    func serialized() -> Data {
        var output: [UInt8] = []
        write(to: &output, indent: 0)
        output.append(UInt8(ascii: "\n"))
        return Data(output)
    }

    private func write(to output: inout [UInt8], indent: Int) {
        switch self {
        case .null: output += "null".utf8
        case .bool(let value): output += (value ? "true" : "false").utf8
        case .number(let value): output += (Int64(exactly: value).map { "\($0)" } ?? "\(value)").utf8
        case .string(let value): JSON.write(value, to: &output)
        case .array(let elements):
            JSON.write(elements, brackets: "[]", to: &output, indent: indent) { $1.write(to: &$0, indent: indent + 2) }
        case .object(let members):
            JSON.write(members, brackets: "{}", to: &output, indent: indent) { output, member in
                JSON.write(member.key, to: &output)
                output += ": ".utf8
                member.value.write(to: &output, indent: indent + 2)
            }
        }
    }

    private static func write<Item>(
        _ items: [Item], brackets: String, to output: inout [UInt8], indent: Int,
        each write: (inout [UInt8], Item) -> Void
    ) {
        output += brackets.utf8.prefix(1)
        for (index, item) in items.enumerated() {
            output += (index == 0 ? "\n" : ",\n").utf8
            output += repeatElement(UInt8(ascii: " "), count: indent + 2)
            write(&output, item)
        }
        if !items.isEmpty {
            output.append(UInt8(ascii: "\n"))
            output += repeatElement(UInt8(ascii: " "), count: indent)
        }
        output += brackets.utf8.suffix(1)
    }

    private static func write(_ string: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): output += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): output += "\\n".utf8
            case UInt8(ascii: "\t"): output += "\\t".utf8
            case UInt8(ascii: "\r"): output += "\\r".utf8
            case 0..<0x20: output += String(format: "\\u%04x", Int(byte)).utf8
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
