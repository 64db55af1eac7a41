/// A token that is found in the text as it stands, before any splitting.
struct AddedToken: Sendable {
    let id: Int32
    let content: String
    /// Left out of decoded text on request.
    let isSpecial: Bool
    /// Found only where no word character touches it.
    let isSingleWord: Bool
    /// Takes the white space before it along.
    let stripsLeft: Bool
    /// Takes the white space behind it along.
    let stripsRight: Bool
    /// Looked for in the normalized text.
    let isNormalized: Bool
}

/// Finds added tokens: the leftmost, and of those the longest.
struct AddedTokenMatcher: Sendable {
    private var tokens: [AddedToken] = []
    /// Children in a trie over bytes, keyed by node and byte.
    private var children = PairMap<Int32>(unset: -1)
    /// The index into `tokens` of the token that ends at a node, or -1.
    private var tokenAtNode: [Int] = [-1]
    private var startsToken = [Bool](repeating: false, count: 256)

    /// - Parameter spelling: how each token is spelled in the texts that will be searched.
    init(_ tokens: [AddedToken], spelling: (AddedToken) -> String) {
        for token in tokens {
            var node: Int32 = 0
            let bytes = Array(spelling(token).utf8)
            guard let first = bytes.first else { continue }
            startsToken[Int(first)] = true
            for byte in bytes {
                if children[node, Int32(byte)] < 0 {
                    children[node, Int32(byte)] = Int32(tokenAtNode.count)
                    tokenAtNode.append(-1)
                }
                node = children[node, Int32(byte)]
            }
            tokenAtNode[Int(node)] = self.tokens.count
            self.tokens.append(token)
        }
    }

    /// Calls `body` with the tokens and the stretches of text between them, in order.
    func forEachSegment(
        of text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>, AddedToken?) -> Void
    ) {
        var covered = 0
        var search = 0
        while !tokens.isEmpty, let (token, match) = firstMatch(in: text, from: search) {
            search = match.upperBound
            var (start, end) = (match.lowerBound, match.upperBound)
            if token.isSingleWord {
                if let before = text.scalar(endingAt: start), before.isWordCharacter { continue }
                if let after = text.scalar(startingAt: end), after.isWordCharacter { continue }
            }
            while token.stripsLeft, start > covered, let space = text.scalar(endingAt: start),
                space.properties.isWhitespace
            {
                start -= space.utf8.count
            }
            while token.stripsRight, let space = text.scalar(startingAt: end), space.properties.isWhitespace {
                end += space.utf8.count
            }
            if start > covered { body(covered..<start, nil) }
            body(max(start, covered)..<end, token)
            covered = end
            search = end
        }
        if covered < text.count { body(covered..<text.count, nil) }
    }

    private func firstMatch(
        in text: UnsafeBufferPointer<UInt8>, from offset: Int
    ) -> (token: AddedToken, range: Range<Int>)? {
        startsToken.withUnsafeBufferPointer { startsToken in
            for start in offset..<text.count where startsToken[Int(text[start])] {
                var node: Int32 = 0
                var found: (index: Int, end: Int)?
                for end in start..<text.count {
                    node = children[node, Int32(text[end])]
                    if node < 0 { break }
                    if tokenAtNode[Int(node)] >= 0 { found = (tokenAtNode[Int(node)], end + 1) }
                }
                if let found { return (tokens[found.index], start..<found.end) }
            }
            return nil
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// The scalar whose encoding starts at an offset, nil at the end.
    func scalar(startingAt offset: Int) -> Unicode.Scalar? {
        var iterator = self[offset...].makeIterator()
        var decoder = UTF8()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
        return scalar
    }

    /// The scalar whose encoding ends before an offset, nil at the start.
    fileprivate func scalar(endingAt offset: Int) -> Unicode.Scalar? {
        var start = offset - 1
        while start > 0, self[start] & 0xC0 == 0x80 { start -= 1 }
        return start >= 0 ? scalar(startingAt: start) : nil
    }
}

extension Unicode.Scalar {
    /// Whether `\w` matches (Unicode Technical Standard 18, annex C).
    fileprivate var isWordCharacter: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
        default: properties.isAlphabetic || properties.isJoinControl
        }
    }
}
