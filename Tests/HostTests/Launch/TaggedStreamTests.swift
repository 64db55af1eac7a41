import Host
import Testing

@Suite struct TaggedStreamTests {
    /// What comes out when the text arrives in two pieces, cut at `cut`.
    private static func lines(_ text: String, tagEnd: String, cut: Int) -> [RankLine] {
        var stream = TaggedStream(tagEnd: tagEnd)
        let bytes = Array(text.utf8)
        return stream.lines(bytes[..<cut]) + stream.lines(bytes[cut...]) + stream.end()
    }

    @Test func `lines are given to their ranks wherever the stream is cut`() {
        let text = """
            [1,0]<stdout>:one
            [1,12]<stderr>:  two [x] [1,
            mpirun's own
            [1,0]<stdout>:
            [1,0]<stdout>:{"a": [1,2]}
            [1,3]<stderr>:last
            """
        let expected = [
            RankLine(rank: 0, "one"), RankLine(rank: 12, "  two [x] [1,"), RankLine(rank: nil, "mpirun's own"),
            RankLine(rank: 0, ""), RankLine(rank: 0, "{\"a\": [1,2]}"), RankLine(rank: 3, "last"),
        ]
        for cut in 0...text.utf8.count {
            #expect(Self.lines(text, tagEnd: ">:", cut: cut) == expected, "cut at \(cut)")
        }
    }

    @Test func `a line that arrived in parts, with another rank's between them, is whole again`() {
        let text = "[1,0]<stdout>:begin[1,1]<stdout>:other\n[1,0]<stdout>:ning[1,0]<stdout>: end\n"
        let expected = [RankLine(rank: 1, "other"), RankLine(rank: 0, "beginning end")]
        for cut in 0...text.utf8.count {
            #expect(Self.lines(text, tagEnd: ">:", cut: cut) == expected, "cut at \(cut)")
        }
    }

    @Test func `the space that Open MPI 5 sets behind its tags is no part of a line`() {
        let text = "[1,0]<stdout>:   three spaces\n[1,1]<stderr>: \n"
        for cut in 0...text.utf8.count {
            #expect(
                Self.lines(text, tagEnd: ">: ", cut: cut) == [RankLine(rank: 0, "  three spaces"), RankLine(rank: 1, "")],
                "cut at \(cut)")
        }
    }

    @Test func `text that only looks like the beginning of a tag stays what it is`() {
        for text in ["[", "[1", "[1,2]", "[1,2]<std", "[[1,0]<stdio>:x", "[1,a]<stdout>:", "[,1]<stdout>:"] {
            #expect(Self.lines(text, tagEnd: ">:", cut: 0) == [RankLine(rank: nil, text)])
        }
    }
}
