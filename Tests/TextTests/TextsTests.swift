import Foundation
import Testing
import Text

@Suite struct TextsTests {
    @Test(arguments: [0, 1, 2, 15, 16, 100, 333], [1, 2, 3, 8])
    func `texts on several threads have the ids of one after the other`(count: Int, threads: Int) throws {
        var form = TinyTokenizer()
        form.postProcessor = "null"
        let tokenizer = try Tokenizer(files: form.files)
        let texts = (0..<count).map { String(repeating: "ab cabc \($0) ", count: $0 % 7) }
        #expect(tokenizer.encode(texts, threads: threads) == texts.map { tokenizer.encode($0) })
    }
}
