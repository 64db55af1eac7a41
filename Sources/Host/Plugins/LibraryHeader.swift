import Foundation

/// What the first bytes of a library say of it (ELF, "Tool Interface Standard" 1.2), read without loading it.
///
/// The system's loader trusts them: it maps what they speak of, and touching a page beyond the end of a file ends the process.
enum LibraryHeader {
    /// Why no process on this machine can load the file; nil when nothing speaks against it.
    static func fault(in contents: Data) -> String? {
        guard contents.count >= 64, contents.prefix(4).elementsEqual([0x7F, UInt8(ascii: "E"), UInt8(ascii: "L"), UInt8(ascii: "F")])
        else { return "it is no library (no ELF file)" }
        let machine = number(contents, at: 18, bytes: 2)
        // 64 bits, little-endian: the other forms keep their numbers elsewhere.
        guard contents[contents.startIndex + 4] == 2, contents[contents.startIndex + 5] == 1, machine == hostMachine else {
            return "it was built for \(name(of: machine)), this machine is \(name(of: hostMachine))"
        }
        let (segments, sections) = (number(contents, at: 32, bytes: 8), number(contents, at: 40, bytes: 8))
        let (segmentSize, segmentCount) = (number(contents, at: 54, bytes: 2), number(contents, at: 56, bytes: 2))
        let sectionEnd = sections.addingReportingOverflow(number(contents, at: 58, bytes: 2) * number(contents, at: 60, bytes: 2))
        var ends = [sectionEnd, segments.addingReportingOverflow(segmentSize * segmentCount)]
        let size = UInt64(contents.count)
        if segments <= size, segmentSize >= 56 {
            for place in 0..<segmentCount where segments + (place + 1) * segmentSize <= size {
                let start = Int(segments + place * segmentSize)
                ends.append(number(contents, at: start + 8, bytes: 8).addingReportingOverflow(number(contents, at: start + 32, bytes: 8)))
            }
        }
        if ends.contains(where: \.overflow) { return "its header is damaged" }
        let needed = ends.map(\.partialValue).max() ?? 0
        return needed > size ? "it is cut short: its header speaks of \(needed) bytes, there are \(size)" : nil
    }

    private static func number(_ contents: Data, at offset: Int, bytes: Int) -> UInt64 {
        (0..<bytes).reversed().reduce(0) { $0 << 8 | UInt64(contents[contents.startIndex + offset + $1]) }
    }

    /// The number of this machine's processors (EM_X86_64, EM_AARCH64).
    private static var hostMachine: UInt64 {
        #if arch(arm64)
            183
        #else
            62
        #endif
    }

    private static func name(of machine: UInt64) -> String {
        [3: "x86", 40: "arm", 62: "x86-64", 183: "aarch64", 243: "risc-v"][machine] ?? "processor number \(machine)"
    }
}
