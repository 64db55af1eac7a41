import Foundation
import Text

/// A tokenizer.json small enough to change by hand: 256 bytes in order of their ids, two merges, two special tokens.
struct TinyTokenizer {
    var normalizer = "null"
    var preTokenizer = #"{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}"#
    var postProcessor = "null"
    var decoder = #"{"type":"ByteLevel"}"#
    var modelType = "BPE"
    var merges = #"["a b", ["ab", "c"]]"#
    var configuration: String?

    var files: [String: Data] {
        // GPT-2's alphabet: printable Latin-1 stands for itself, the rest from U+0100 on.
        var next: UInt32 = 0x100
        let letters = (0..<256).map { byte -> String in
            if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE {
                return String(Character(Unicode.Scalar(UInt8(byte))))
            }
            defer { next += 1 }
            return String(Character(Unicode.Scalar(next)!))
        }
        let quoted = letters.map { $0 == "\"" || $0 == "\\" ? "\\" + $0 : $0 }
        let vocabulary = (quoted + ["ab", "abc"]).enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
        let json = """
            {"version":"1.0","added_tokens":[
              {"id":258,"content":"<|im_start|>","special":true,"normalized":false},
              {"id":259,"content":"<|im_end|>","special":true,"normalized":false}],
             "normalizer":\(normalizer),"pre_tokenizer":\(preTokenizer),"post_processor":\(postProcessor),
             "decoder":\(decoder),"model":{"type":"\(modelType)","vocab":{\(vocabulary)},"merges":\(merges)}}
            """
        var files = ["tokenizer.json": Data(json.utf8)]
        if let configuration { files["tokenizer_config.json"] = Data(configuration.utf8) }
        return files
    }

    func load() throws -> Tokenizer { try Tokenizer(files: files) }
}
