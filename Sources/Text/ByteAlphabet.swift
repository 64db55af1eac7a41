/// GPT-2's printable stand-ins for the 256 bytes ("byte-level" tokens).
///
/// Bytes that print in Latin-1 stand for themselves; the others take the scalars from U+0100 in byte order.
/// Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.2.
enum ByteAlphabet {
    /// The scalar that stands for each byte, indexed by the byte.
    static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (UInt8.min...UInt8.max).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
            default:
                defer { next += 1 }
                return Unicode.Scalar(next) ?? Unicode.Scalar(byte)
            }
        }
    }()

    /// The byte that each scalar value below 0x144 stands for, or -1.
    private static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar.value)] = Int16(byte) }
        return bytes
    }()

    /// The bytes that a token stands for, or nil when a scalar of it is not in the alphabet.
    static func bytes(of token: String) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(token.utf8.count)
        for scalar in token.unicodeScalars {
            guard scalar.value < bytes.count, bytes[Int(scalar.value)] >= 0 else { return nil }
            result.append(UInt8(bytes[Int(scalar.value)]))
        }
        return result
    }

    /// The printable form of some bytes.
    static func token(of bytes: some Sequence<UInt8>) -> String {
        var token = String.UnicodeScalarView()
        for byte in bytes { token.append(scalars[Int(byte)]) }
        return String(token)
    }
}
