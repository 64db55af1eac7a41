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

    /// Letters to put in, to leave out, to change, or to swap with their neighbours (optimal string alignment).
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var rows = [Array(0...b.count)]
        for (i, letter) in a.enumerated() {
            var row = [i + 1]
            for (j, other) in b.enumerated() {
                var best = min(rows[i][j] + (letter == other ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, letter == b[j - 1], a[i - 1] == other { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}

extension String {
    /// Without the characters at both ends that are `unwanted`.
    func trimmed(_ unwanted: (Character) -> Bool = \.isWhitespace) -> String {
        let start = self.drop(while: unwanted)
        return String(start.reversed().drop(while: unwanted).reversed())
    }
}
