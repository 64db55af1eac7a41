internal import Foundation

/// A file's bytes in memory, read-only; pages come from the disk when they are first looked at.
final class FileMapping {
    let path: String
    let bytes: UnsafeRawBufferPointer

    /// - Throws: `FileError` when the file cannot be opened or mapped.
    init(_ path: String) throws {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw FileError("open", path) }
        defer { close(descriptor) }
        var status = stat()
        if fstat(descriptor, &status) != 0 { throw FileError("inspect", path) }
        if status.st_mode & S_IFMT == S_IFDIR { throw FileError("read the directory as a file", path, code: EISDIR) }
        let count = Int(status.st_size)
        if count == 0 {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw FileError("map", path)
        }
        bytes = UnsafeRawBufferPointer(start: start, count: count)
    }

    /// Gives back the memory of pages that lie in `range`; they come from the disk again when they are looked at again.
    func release(_ range: Range<Int>) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let (first, end) = ((range.lowerBound + page - 1) / page * page, range.upperBound / page * page)
        guard let start = bytes.baseAddress, first < end else { return }
        madvise(UnsafeMutableRawPointer(mutating: start + first), end - first, MADV_DONTNEED)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }
}
