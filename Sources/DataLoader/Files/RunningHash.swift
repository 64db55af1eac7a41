internal import CXXHash
internal import Crypto

/// A checksum that is fed piece by piece.
final class RunningHash {
    let algorithm: HashAlgorithm
    private var function: (any HashFunction)?
    private let xxh64: OpaquePointer?

    init(_ algorithm: HashAlgorithm) {
        self.algorithm = algorithm
        switch algorithm {
        case .xxh64: function = nil
        case .sha1: function = Insecure.SHA1()
        case .sha256: function = SHA256()
        case .sha512: function = SHA512()
        case .md5: function = Insecure.MD5()
        }
        xxh64 = algorithm == .xxh64 ? ft_xxh64_create() : nil
        precondition(algorithm != .xxh64 || xxh64 != nil, "there is no memory for a checksum")
    }

    deinit { ft_xxh64_free(xxh64) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        if let xxh64 {
            ft_xxh64_update(xxh64, bytes.baseAddress, bytes.count)
        } else {
            function?.update(bufferPointer: bytes)
        }
    }

    func hexadecimal() -> String {
        if let xxh64 {
            let digits = String(ft_xxh64_digest(xxh64), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        guard let function else { preconditionFailure("a checksum is xxh64 or a hash function") }
        return RunningHash.hexadecimal(function)
    }

    private static func hexadecimal(_ function: some HashFunction) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = function.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}
