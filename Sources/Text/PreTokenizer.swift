/// Cuts a text into the pieces within which byte pairs may merge.
struct PreTokenizer: Sendable {
    /// What becomes of the matches of a pattern.
    enum Behavior: String, CaseIterable, Sendable {
        case isolated = "Isolated"
        case removed = "Removed"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// One step, applied to every piece of the step before.
    enum Stage: Sendable {
        case split(Pattern, Behavior, inverted: Bool)
        case prefixSpace
    }

    let stages: [Stage]
    /// Whether tokens are bytes in GPT-2's printable alphabet; otherwise they are text.
    let isByteLevel: Bool

    /// Calls `body` with each piece in order; pieces are never empty and are valid during the call only.
    func forEachPiece(
        of text: UnsafeBufferPointer<UInt8>, using state: Pattern.State,
        _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        run(0, on: text, using: state, body)
    }

    /// Applies the stages from `index` on.
    private func run(
        _ index: Int, on text: UnsafeBufferPointer<UInt8>, using state: Pattern.State,
        _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        if text.isEmpty { return }
        if index == stages.count { return body(text) }
        let rest = index + 1
        switch stages[index] {
        case .prefixSpace where text[0] == UInt8(ascii: " "):
            run(rest, on: text, using: state, body)
        case .prefixSpace:
            let spaced = [UInt8(ascii: " ")] + text
            spaced.withUnsafeBufferPointer { run(rest, on: $0, using: state, body) }
        case .split(let pattern, .isolated, _):
            let isLast = rest == stages.count
            PreTokenizer.forEachSegment(of: text, pattern, using: state) { range, _ in
                let piece = UnsafeBufferPointer(rebasing: text[range])
                if isLast { body(piece) } else { run(rest, on: piece, using: state, body) }
            }
        case .split(let pattern, let behavior, let inverted):
            var segments: [(range: Range<Int>, matches: Bool)] = []
            PreTokenizer.forEachSegment(of: text, pattern, using: state) { segments.append(($0, $1 != inverted)) }
            for range in behavior.pieces(of: segments) {
                run(rest, on: UnsafeBufferPointer(rebasing: text[range]), using: state, body)
            }
        }
    }

    /// Calls `body` with the matches of a pattern and the stretches between them, which together cover the text.
    private static func forEachSegment(
        of text: UnsafeBufferPointer<UInt8>, _ pattern: Pattern, using state: Pattern.State,
        _ body: (Range<Int>, Bool) -> Void
    ) {
        var covered = 0
        var search = 0
        while search < text.count, let match = pattern.firstMatch(in: text, from: search, using: state) {
            if match.lowerBound > covered { body(covered..<match.lowerBound, false) }
            if !match.isEmpty { body(match, true) }
            covered = match.upperBound
            search = match.upperBound
            if match.isEmpty {
                // An empty match only cuts: the search goes on behind the next scalar.
                repeat { search += 1 } while search < text.count && text[search] & 0xC0 == 0x80
            }
        }
        if covered < text.count { body(covered..<text.count, false) }
    }
}

extension PreTokenizer.Behavior {
    /// The pieces that a cover of matches and non-matches becomes.
    func pieces(of segments: [(range: Range<Int>, matches: Bool)]) -> [Range<Int>] {
        switch self {
        case .isolated: return segments.map(\.range)
        case .removed: return segments.filter { !$0.matches }.map(\.range)
        case .contiguous: return joined(segments) { $0 == $1 }
        case .mergedWithPrevious: return joined(segments) { !$0 && $1 }
        case .mergedWithNext: return joined(segments) { $0 && !$1 }
        }
    }

    /// Joins neighbours for whose flags `joins` holds.
    private func joined(
        _ segments: [(range: Range<Int>, matches: Bool)], where joins: (Bool, Bool) -> Bool
    ) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        for (index, segment) in segments.enumerated() {
            if index > 0, let last = pieces.last, joins(segments[index - 1].matches, segment.matches) {
                pieces[pieces.count - 1] = last.lowerBound..<segment.range.upperBound
            } else {
                pieces.append(segment.range)
            }
        }
        return pieces
    }
}
