import Foundation

/// The processors that this thread, and those that it starts from now on, may run on.
enum ProcessorAffinity {
    /// Their numbers; none where the system does not tell.
    static var processors: [Int] {
        var mask = [UInt8](repeating: 0, count: maskBytes)
        guard call("sched_getaffinity", &mask) else { return [] }
        return (0..<maskBytes * 8).filter { mask[$0 / 8] & 1 << UInt8($0 % 8) != 0 }
    }

    /// Keeps to some of them.
    /// - Returns: whether the system agreed.
    static func keep(to processors: [Int]) -> Bool {
        var mask = [UInt8](repeating: 0, count: maskBytes)
        for number in processors where 0..<maskBytes * 8 ~= number { mask[number / 8] |= 1 << UInt8(number % 8) }
        return call("sched_setaffinity", &mask)
    }

    /// Of the mask that the two functions take: glibc's `cpu_set_t`, 1024 processors.
    private static let maskBytes = 128

    /// Calls one of two functions of the C library, which declares them for C alone and not for Swift.
    /// - Returns: whether there is such a function, and it did what it was asked.
    private static func call(_ name: String, _ mask: inout [UInt8]) -> Bool {
        guard let function = dlsym(nil, name) else { return false }
        // As sched.h declares both: process (0 = this thread), bytes, mask.
        typealias Function = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> Int32
        return mask.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { unsafeBitCast(function, to: Function.self)(0, bytes.count, $0) == 0 } ?? false
        }
    }
}
