import Foundation
import Synchronization

/// A text file whose lines can be read in any order; gzip files are unpacked once, into a temporary file.
final class LineFile: Sendable {
    let path: String
    let index: LineIndex
    let digest: String
    private let descriptor: Int32
    /// The block read last: lines are mostly read one after the other.
    private let recent = Mutex<(start: Int, buffer: ByteBuffer)?>(nil)

    /// - Throws: ``DataError`` when the file cannot be read, or is gzip and damaged.
    init(_ path: String) throws {
        self.path = path
        var index = LineIndex()
        let hash = RunningHash(.xxh64)
        guard try FileSystem.byteCount(of: path) != nil else {
            throw DataError("cannot open \(path): there is no such file", hint: "check the paths of data.train")
        }
        if try LineFile.isGzip(path) {
            let file = try OutputFile(unnamedIn: NSTemporaryDirectory())
            let inflater = try Inflater()
            do {
                try FileSystem.readChunks(of: path) { piece in
                    try inflater.update(piece) { text in
                        index.scan(text)
                        hash.update(text)
                        try file.write(text)
                    }
                }
                guard inflater.isComplete else { throw Damage(problem: "gzip: the file ends too early") }
            } catch let damage as Damage {
                throw DataError("cannot read \(path): \(damage.problem)", hint: "copy the file again")
            }
            descriptor = try file.duplicate()
        } else {
            try FileSystem.readChunks(of: path) { piece in
                index.scan(piece)
                hash.update(piece)
            }
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw FileSystem.failure("open", path) }
        }
        self.index = index
        digest = hash.hexadecimal()
    }

    deinit { close(descriptor) }

    private static func isGzip(_ path: String) throws -> Bool {
        try FileSystem.withOpenFile(path) { descriptor in
            var head: [UInt8] = [0, 0]
            return pread(descriptor, &head, 2, 0) == 2 && head == [0x1F, 0x8B]
        }
    }

    /// The line of sample `number`: a buffer, its range there, and the line's number in the file.
    func line(of number: Int) throws -> (buffer: ByteBuffer, range: Range<Int>, line: Int) {
        let block = index.block(of: number)
        let buffer = try recent.withLock { recent in
            if let recent, recent.start == block.lowerBound { return recent.buffer }
            let buffer = try read(block)
            recent = (block.lowerBound, buffer)
            return buffer
        }
        guard let found = buffer.withUnsafeBytes({ index.line(of: number, in: $0) }) else {
            throw changed(block)
        }
        return (buffer, found.range, found.line)
    }

    private func read(_ range: Range<Int>) throws -> ByteBuffer {
        try ByteBuffer(count: range.count) { output in
            var done = 0
            while done < range.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: output[done...])
                let count = pread(descriptor, rest.baseAddress, rest.count, off_t(range.lowerBound + done))
                if count < 0 && errno == EINTR { continue }
                guard count >= 0 else { throw FileSystem.failure("read", path) }
                guard count > 0 else { throw changed(range) }
                done += count
            }
        }
    }

    private func changed(_ range: Range<Int>) -> DataError {
        DataError(
            "cannot read bytes \(range.lowerBound)..<\(range.upperBound) of \(path): the file changed during the run",
            hint: "start again, and leave the data alone while a run reads them")
    }
}
