/// Takes one stream of mpirun's tagged output apart into the lines of each rank.
///
/// A tag is `[job,rank]<stdout>:` and stands before each line. Open MPI 4 also sets one where it goes on with a line that
/// it had in part, perhaps after what another rank said in between; then the line is put together again.
package struct TaggedStream {
    private let tagEnd: [UInt8]
    /// What may be the beginning of a tag.
    private var held: [UInt8] = []
    /// Lines that have not ended, by rank; those of mpirun under nil.
    private var begun: [Int?: [UInt8]] = [:]
    /// Who speaks; after a line break it is mpirun unless a tag follows.
    private var rank: Int?

    /// - Parameter tagEnd: `MPIRun.tagEnd`.
    package init(tagEnd: String) { self.tagEnd = Array(tagEnd.utf8) }

    /// - Returns: the lines that end in `bytes`.
    package mutating func lines(_ bytes: some Sequence<UInt8>) -> [RankLine] {
        let text = held + bytes
        held = []
        var lines: [RankLine] = []
        var place = 0
        while place < text.count {
            if text[place] == UInt8(ascii: "[") {
                switch tag(text[place...]) {
                case .whole(let rank, let length):
                    self.rank = rank
                    place += length
                    continue
                case .part:
                    held = Array(text[place...])
                    return lines
                case .none: break
                }
            }
            if text[place] == UInt8(ascii: "\n") {
                lines.append(RankLine(rank: rank, String(decoding: begun[rank] ?? [], as: UTF8.self)))
                begun[rank] = nil
                rank = nil
            } else {
                begun[rank, default: []].append(text[place])
            }
            place += 1
        }
        return lines
    }

    /// - Returns: what was begun and not ended, each rank's as a line.
    package mutating func end() -> [RankLine] {
        begun[rank, default: []] += held
        held = []
        defer { begun = [:] }
        return begun.sorted { ($0.key ?? -1) < ($1.key ?? -1) }.filter { !$0.value.isEmpty }
            .map { RankLine(rank: $0.key, String(decoding: $0.value, as: UTF8.self)) }
    }

    private enum Tag { case none, part, whole(rank: Int, length: Int) }

    /// What `text` begins with.
    private func tag(_ text: ArraySlice<UInt8>) -> Tag {
        var place = text.startIndex + 1
        /// A whole number and what ends it; nil = none, or the text is over.
        func number(_ end: UInt8) -> Int? {
            let start = place
            while place < text.endIndex, UInt8(ascii: "0")...UInt8(ascii: "9") ~= text[place] { place += 1 }
            guard place < text.endIndex, place > start, text[place] == end else { return nil }
            place += 1
            return Int(String(decoding: text[start..<place - 1], as: UTF8.self))
        }
        var isOver: Bool { place >= text.endIndex }
        guard number(UInt8(ascii: ",")) != nil, let rank = number(UInt8(ascii: "]")) else { return isOver ? .part : .none }
        for name in ["<stdout", "<stderr", "<stddiag"] {
            let expected = Array(name.utf8) + tagEnd
            let found = text[place...].prefix(expected.count)
            guard expected.starts(with: found) else { continue }
            if found.count < expected.count { return .part }
            return .whole(rank: rank, length: place + expected.count - text.startIndex)
        }
        return .none
    }
}
