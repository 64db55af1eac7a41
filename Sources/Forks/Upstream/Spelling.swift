/// What a word with a slip was meant to be.
enum Spelling {
    /// The one of `names` that differs from `word` by capitals, separators and at most 2 letters; nil when none does.
    static func nearest(_ word: String, in names: some Sequence<String>) -> String? {
        let word = letters(word)
        let ranked = names.map { (name: $0, distance: distance(word, letters($0))) }
        // Short words are near to everything.
        return ranked.filter { $0.distance <= min(2, $0.name.count / 3) }.min { $0.distance < $1.distance }?.name
    }

    private static func letters(_ word: String) -> [UInt8] {
        word.lowercased().utf8.filter { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") }
    }

    /// Letters to put in, to leave out or to change.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in b.enumerated() {
                let changed = diagonal + (letter == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(changed, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}

extension String {
    /// Without the characters at both ends that are `unwanted`.
    func trimmed(_ unwanted: (Character) -> Bool = \.isWhitespace) -> String {
        let start = self.drop(while: unwanted)
        return String(start.reversed().drop(while: unwanted).reversed())
    }
}
