import Foundation
import Testing
import Text

@Suite("Every component equals the reference")
struct ComponentTests {
    @Test("ids and decoded texts are equal, whole and as a stream")
    func idsAndTextsAreEqual() throws {
        let goldens = try ComponentGoldens()
        #expect(goldens.cases.count >= 20)
        for golden in goldens.cases {
            let tokenizer = try Tokenizer(files: ["tokenizer.json": golden.tokenizer])
            for row in golden.rows {
                let label: Comment = "\(golden.name): \(row.text.debugDescription)"
                #expect(tokenizer.encode(row.text) == row.ids, label)
                #expect(Array(tokenizer.decode(row.ids).utf8) == Array(row.decoded.utf8), label)
                let plain = tokenizer.decode(row.ids, skipSpecialTokens: true)
                #expect(Array(plain.utf8) == Array(row.plain.utf8), label)
                var stream = StreamDecoder(tokenizer)
                let streamed = row.ids.map { stream.append($0) }.joined() + stream.finish()
                #expect(Array(streamed.utf8) == Array(plain.utf8), label)
            }
        }
    }
}
