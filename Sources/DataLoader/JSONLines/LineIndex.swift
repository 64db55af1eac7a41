import Foundation

/// Where the lines of a text file are: one mark every eight lines, found in one pass that also digests the bytes.
struct LineIndex: Sendable {
    /// The start of a line that holds something, and its number in the file (from 1).
    struct Mark: Sendable {
        var offset: Int
        var line: Int
    }

    static let stride = 8
    private(set) var marks: [Mark] = []
    /// Lines that hold something; blank ones are passed over.
    private(set) var count = 0
    private(set) var byteCount = 0
    private var line = 1
    private var lineStart = 0
    private var hasContent = false

    /// Takes the next piece of the file.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        var place = 0
        while place < bytes.count {
            if !hasContent {
                while place < bytes.count, LineIndex.isBlank(bytes[place]) { place += 1 }
                if place < bytes.count, bytes[place] != 0x0A { beginSample() }
            }
            let rest = bytes.count - place
            guard rest > 0, let found = memchr(base + place, 0x0A, rest) else { break }
            place = UnsafeRawPointer(found) - base + 1
            line += 1
            lineStart = byteCount + place
            hasContent = false
        }
        byteCount += bytes.count
    }

    private mutating func beginSample() {
        hasContent = true
        if count % LineIndex.stride == 0 { marks.append(Mark(offset: lineStart, line: line)) }
        count += 1
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }

    /// The bytes from the mark before sample `number` to the mark after it.
    func block(of number: Int) -> Range<Int> {
        let block = number / LineIndex.stride
        return marks[block].offset..<(block + 1 < marks.count ? marks[block + 1].offset : byteCount)
    }

    /// The range and the number of the line of sample `number`, in the bytes of its block.
    func line(of number: Int, in bytes: UnsafeRawBufferPointer) -> (range: Range<Int>, line: Int)? {
        var line = marks[number / LineIndex.stride].line
        var left = number % LineIndex.stride
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            if !bytes[start..<end].allSatisfy(LineIndex.isBlank) {
                if left == 0 { return (start..<end, line) }
                left -= 1
            }
            start = end + 1
            line += 1
        }
        return nil
    }
}
