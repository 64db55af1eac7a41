/// Merges the most frequent pair of symbols over and over, and keeps pair counts current instead of recounting.
struct PairLearner {
    /// The spelling of every token in the byte alphabet, by id.
    private(set) var tokens: [String] = []
    private var ids = ByteMap(minimumCapacity: 1 << 14)
    private var byteIDs = [Int32](repeating: 0, count: 256)

    // Words lie one after another in `symbols`, each shrinking in place as its pairs merge.
    private var symbols: [Int32] = []
    private var starts: [Int] = []
    private var lengths: [Int] = []
    private var wordCounts: [Int] = []

    private var pairCounts = PairMap<Int>(unset: 0, minimumCapacity: 1 << 16)
    private var queue = Heap<Candidate>()
    /// Words in which a candidate occurs, by the candidate's `words`.
    private var wordLists: [[Int32]] = []
    /// The index of each merged pair's merge; a pair that merges again counts from then on.
    private var mergeIndex = PairMap<Int>(unset: -1)
    private var mergeCount = 0

    /// A pair that may merge, with the count it had when queued and the words that gained it then.
    private struct Candidate: Comparable {
        var count: Int
        let pair: UInt64
        let words: Int

        /// Whether the left one merges first: the more frequent, then the one with the smaller ids.
        static func < (left: Candidate, right: Candidate) -> Bool {
            left.count != right.count ? left.count > right.count : left.pair < right.pair
        }
    }

    /// Gives special tokens the first ids, and the bytes those that follow, in the order of their scalars.
    init(specialTokens: [String]) {
        for token in specialTokens { _ = id(of: token) }
        let bytes = ByteAlphabet.scalars.indices.sorted { ByteAlphabet.scalars[$0] < ByteAlphabet.scalars[$1] }
        for byte in bytes { byteIDs[byte] = id(of: String(Character(ByteAlphabet.scalars[byte]))) }
    }

    /// Adds a word that occurs `count` times.
    mutating func add(_ word: UnsafeBufferPointer<UInt8>, count: Int) {
        starts.append(symbols.count)
        lengths.append(word.count)
        wordCounts.append(count)
        for byte in word { symbols.append(byteIDs[Int(byte)]) }
    }

    /// The merges in order.
    var merges: [(first: Int32, second: Int32)] {
        var merges: [(index: Int, pair: UInt64)] = []
        mergeIndex.forEach { merges.append(($1, $0)) }
        return merges.sorted { $0.index < $1.index }.map { PairLearner.ids(of: $0.pair) }
    }

    /// Merges until there are `vocabularySize` tokens or no pair occurs `minFrequency` times.
    mutating func learn(vocabularySize: Int, minFrequency: Int) {
        countPairs()
        while tokens.count < vocabularySize, var candidate = queue.popLeast() {
            let count = pairCounts[candidate.pair]
            if candidate.count != count {
                candidate.count = count
                queue.insert(candidate)
                continue
            }
            if count < max(1, minFrequency) { break }
            let (first, second) = PairLearner.ids(of: candidate.pair)
            let merged = id(of: tokens[Int(first)] + tokens[Int(second)])
            mergeIndex[candidate.pair] = mergeCount
            mergeCount += 1
            merge(first, second, into: merged, inWords: candidate.words)
        }
    }

    private mutating func countPairs() {
        var gains = Gains()
        for word in starts.indices {
            for index in starts[word]..<(starts[word] + max(1, lengths[word]) - 1) {
                let pair = PairMap<Int>.key(symbols[index], symbols[index + 1])
                pairCounts[pair] += wordCounts[word]
                gains.note(pair, word: Int32(word))
            }
        }
        enqueue(gains)
    }

    private mutating func merge(_ first: Int32, _ second: Int32, into merged: Int32, inWords words: Int) {
        var gains = Gains()
        let list = wordLists[words]
        wordLists[words] = []
        for word in list {
            let (start, count) = (starts[Int(word)], wordCounts[Int(word)])
            let end = start + lengths[Int(word)]
            var (read, write) = (start, start)
            while read < end {
                guard symbols[read] == first, read + 1 < end, symbols[read + 1] == second else {
                    symbols[write] = symbols[read]
                    read += 1
                    write += 1
                    continue
                }
                if write > start {
                    let before = symbols[write - 1]
                    pairCounts[before, first] -= count
                    gain(before, merged, count, word, &gains)
                }
                if read + 2 < end {
                    let after = symbols[read + 2]
                    pairCounts[second, after] -= count
                    gain(merged, after, count, word, &gains)
                }
                symbols[write] = merged
                read += 2
                write += 1
            }
            lengths[Int(word)] = write - start
        }
        enqueue(gains)
    }

    private mutating func gain(_ first: Int32, _ second: Int32, _ count: Int, _ word: Int32, _ gains: inout Gains) {
        let pair = PairMap<Int>.key(first, second)
        pairCounts[pair] += count
        gains.note(pair, word: word)
    }

    private mutating func enqueue(_ gains: Gains) {
        for (pair, words) in gains.lists where pairCounts[pair] > 0 {
            queue.insert(Candidate(count: pairCounts[pair], pair: pair, words: wordLists.count))
            wordLists.append(words)
        }
    }

    private mutating func id(of token: String) -> Int32 {
        if let id = ids[token] { return Int32(id) }
        var spelling = token
        _ = spelling.withUTF8 { ids.update($0, value: tokens.count) }
        tokens.append(token)
        return Int32(tokens.count - 1)
    }

    private static func ids(of pair: UInt64) -> (first: Int32, second: Int32) {
        (Int32(truncatingIfNeeded: pair >> 32), Int32(truncatingIfNeeded: pair))
    }

    /// Pairs that arose, each with the words in which it did.
    private struct Gains {
        private(set) var lists: [(pair: UInt64, words: [Int32])] = []
        private var indexes = PairMap<Int>(unset: -1)

        /// Words must come in groups: all pairs of one word before the next word's.
        mutating func note(_ pair: UInt64, word: Int32) {
            let index = indexes[pair]
            if index < 0 {
                indexes[pair] = lists.count
                lists.append((pair, [word]))
            } else if lists[index].words.last != word {
                lists[index].words.append(word)
            }
        }
    }
}
