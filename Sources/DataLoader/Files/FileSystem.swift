import Foundation

/// The file operations of the module, with errors that name the file and the cause.
enum FileSystem {
    static func failure(_ verb: String, _ path: String) -> DataError {
        let code = errno
        let hint: String? =
            switch code {
            case ENOSPC: "free some space on that disk"
            case EROFS, EACCES: "check the permissions of the directory"
            default: nil
            }
        return DataError("cannot \(verb) \(path): \(String(cString: strerror(code)))", hint: hint)
    }

    /// The size of a regular file, nil when there is none.
    static func byteCount(of path: String) throws -> Int? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("look at", path)
        }
        return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    /// Calls `body` with a descriptor open for reading.
    static func withOpenFile<R>(_ path: String, _ body: (Int32) throws -> R) throws -> R {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { close(descriptor) }
        return try body(descriptor)
    }

    /// Reads a file in pieces of 512 KiB.
    static func readChunks(of path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        try withOpenFile(path) { descriptor in
            let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 512 << 10, alignment: 64)
            defer { chunk.deallocate() }
            while true {
                let count = read(descriptor, chunk.baseAddress, chunk.count)
                if count < 0 && errno == EINTR { continue }
                guard count >= 0 else { throw failure("read", path) }
                if count == 0 { return }
                try body(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
            }
        }
    }

    /// The whole content of a small file.
    static func contents(of path: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try readChunks(of: path) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Creates a directory and its parents.
    static func createDirectory(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw DataError("cannot create the directory \(path): \(error.localizedDescription)")
        }
    }

    /// Deletes a file; one that is gone already is fine.
    static func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("delete", path) }
    }

    /// The path without links and `..`, so that two spellings of one directory are equal; itself when it is missing.
    static func canonical(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Writes a file under a temporary name, forces it to disk and renames it, so that a reader sees all or nothing.
    static func writeAtomically(to path: String, _ body: (borrowing OutputFile) throws -> Void) throws {
        let temporary = "\(path).tmp-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        do {
            let file = try OutputFile(creating: temporary)
            try body(file)
            try file.synchronize()
            guard rename(temporary, path) == 0 else { throw failure("rename \(temporary) to", path) }
            try synchronizeDirectory(of: path)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Makes a rename itself durable.
    private static func synchronizeDirectory(of path: String) throws {
        let slash = path.lastIndex(of: "/")
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        try withOpenFile(directory) { descriptor in
            guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure("force to disk", directory) }
        }
    }
}
