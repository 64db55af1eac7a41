import DataLoader
import Testing

@Suite("Packing")
struct PackerTests {
    static func documents(_ lengths: [Int]) -> [Document] {
        var token: Int32 = 0
        return lengths.enumerated().map { number, length in
            defer { token += Int32(length) }
            return Document(tokens: (0..<Int32(length)).map { token + $0 + 1 }, id: "d\(number)")
        }
    }

    static func pack(_ lengths: [Int], _ strategy: Packer.Strategy, length: Int = 8) throws -> [PackedSequence] {
        var packer = Packer(length: length, strategy: strategy)
        return try documents(lengths).flatMap { try packer.add($0) } + packer.finish()
    }

    @Test("in order: segments and positions restart with each document, and padding is marked")
    func inOrder() throws {
        let packed = try Self.pack([3, 4, 2, 8, 1], .inOrder)
        #expect(
            packed.map(\.tokens) == [
                [1, 2, 3, 4, 5, 6, 7, 0], [8, 9, 0, 0, 0, 0, 0, 0], Array(10...17), [18, 0, 0, 0, 0, 0, 0, 0],
            ])
        #expect(packed[0].segments == [0, 0, 0, 1, 1, 1, 1, -1])
        #expect(packed[0].positions == [0, 1, 2, 0, 1, 2, 3, 0])
        #expect(packed[0].labels == [1, 2, 3, 4, 5, 6, 7, -100])
        #expect(packed[0].documents == ["d0", "d1"])
    }

    @Test("first fit fills earlier gaps with the same documents and less padding")
    func firstFit() throws {
        let lengths = [3, 6, 4, 2, 1, 8, 5, 3]
        let packed = try Self.pack(lengths, .firstFit)
        #expect(packed.count == 4)
        #expect(try packed.count < Self.pack(lengths, .inOrder).count)
        #expect(packed.flatMap(\.documents).sorted() == (0..<8).map { "d\($0)" })
        #expect(packed.flatMap(\.tokens).filter { $0 != 0 }.sorted() == Array(1...32))
    }

    @Test("split: no token is lost, only the end is padded, and the rest of a cut document is a segment of its own")
    func split() throws {
        let packed = try Self.pack([5, 20, 2], .split)
        #expect(packed.flatMap(\.tokens) == Array(1...27) + [0, 0, 0, 0, 0])
        #expect(packed[1].segments == [0, 0, 0, 0, 0, 0, 0, 0])
        #expect(packed[1].positions == [0, 1, 2, 3, 4, 5, 6, 7])
        #expect(packed[3].documents == ["d1", "d2"])
    }

    @Test("every token of a segment belongs to one document, for many lengths", arguments: Packer.Strategy.allCases)
    func isolation(_ strategy: Packer.Strategy) throws {
        let lengths = (0..<200).map { ($0 * 7919) % 31 }
        let documents = Self.documents(lengths)
        var owner: [Int32: String] = [:]
        for document in documents { for token in document.tokens { owner[token] = document.id } }
        let packed = try Self.pack(lengths, strategy, length: 32)
        #expect(packed.flatMap(\.tokens).filter { $0 != 0 }.sorted() == documents.flatMap(\.tokens).sorted())
        for sequence in packed {
            #expect(sequence.tokens.count == 32 && sequence.labels.count == 32)
            for place in 0..<32 where sequence.segments[place] >= 0 {
                let segment = Int(sequence.segments[place])
                #expect(owner[sequence.tokens[place]] == sequence.documents[segment])
                let isFirst = place == 0 || sequence.segments[place - 1] != sequence.segments[place]
                #expect(sequence.positions[place] == (isFirst ? 0 : sequence.positions[place - 1] + 1))
            }
        }
    }

    @Test("a document longer than a sequence is refused by name, labels are carried, and empty ones are passed over")
    func edges() throws {
        #expect { try Self.pack([3, 9], .inOrder) } throws: {
            "\($0)".contains("sample d1: it has 9 tokens, a sequence has 8")
        }
        var packer = Packer(length: 4, padding: 9)
        #expect(try packer.add(Document(tokens: [])).isEmpty)
        #expect(try packer.add(Document(tokens: [1, 2], labels: [-100, 5])).isEmpty)
        #expect(packer.finish().map(\.labels) == [[-100, 5, -100, -100]])
        #expect(packer.finish().isEmpty)
    }
}
