import Foundation
import PluginAPI

/// Reads plain text in pieces, so that a file of any size takes little memory.
package struct TextFile {
    package let path: String
    /// Bytes after which a piece ends at the next suitable place.
    let pieceBytes: Int

    /// - Parameters:
    ///   - path: the file.
    ///   - pieceBytes: what `forEachPiece` aims at.
    package init(path: String, pieceBytes: Int = 16 << 20) {
        self.path = path
        self.pieceBytes = pieceBytes
    }

    /// Calls `body` with the lines, without their line breaks (`\n` or `\r\n`), and their numbers from 1.
    /// - Throws: `InputError` for a line that is not UTF-8, and what `body` throws.
    package func forEachLine(_ body: (_ line: String, _ number: Int) throws -> Void) throws {
        var number = 0
        var rest: [UInt8] = []
        func give(_ line: ArraySlice<UInt8>) throws {
            number += 1
            let end = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            try body(text(end, at: "\(path):\(number)"), number)
        }
        try forEachChunk { chunk in
            rest += chunk
            var start = 0
            while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                try give(rest[start..<end])
                start = end + 1
            }
            rest.removeFirst(start)
        }
        if !rest.isEmpty { try give(rest[...]) }
    }

    /// Calls `body` with the text from beginning to end; small files come in one piece.
    ///
    /// A piece ends between a letter or digit of ASCII and a line break: the patterns of byte-level tokenizers never
    /// join these two, so the pieces have the ids of the whole text. Where there is no such place, a piece ends behind
    /// a line break, and a file without line breaks is one piece.
    /// - Throws: `InputError` when the file is not UTF-8, and what `body` throws.
    package func forEachPiece(_ body: (_ piece: String, _ isLast: Bool) throws -> Void) throws {
        var pending: [UInt8] = []
        var searched = 0
        try forEachChunk { chunk in
            pending += chunk
            guard pending.count >= pieceBytes, let end = TextFile.cut(pending, from: searched, limit: pieceBytes) else {
                // The last byte may stand before a line break that comes next.
                searched = pending.count >= pieceBytes ? max(0, pending.count - 1) : 0
                return
            }
            try body(text(pending[..<end], at: path), false)
            pending.removeFirst(end)
            searched = 0
        }
        try body(text(pending[...], at: path), true)
    }

    private static func cut(_ bytes: [UInt8], from start: Int, limit: Int) -> Int? {
        var place = bytes.count - 1
        while place > max(start, 0) {
            if bytes[place] == UInt8(ascii: "\n"), isWordByte(bytes[place - 1]) { return place }
            place -= 1
        }
        guard bytes.count >= 2 * limit else { return nil }
        return bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }

    private func text(_ bytes: ArraySlice<UInt8>, at place: String) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw InputError(place, "is not UTF-8 text", fix: "convert it: iconv -f latin1 -t utf8")
        }
        return text
    }

    private func forEachChunk(_ body: (Data) throws -> Void) throws {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw InputError(path, "cannot be opened for reading", fix: "check the path and its permissions")
        }
        defer { file.closeFile() }
        while let chunk = try file.read(upToCount: 1 << 20), !chunk.isEmpty { try body(chunk) }
    }
}
