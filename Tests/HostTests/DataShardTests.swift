import DataLoader
import Foundation
import Host
import JSON
import PluginAPI
import Testing
import Text

@Suite("data shard")
struct DataShardTests {
    let work: DataWorkspace

    init() throws { work = try DataWorkspace() }

    @Test("a document becomes one sample of its ids and the end of the text")
    func documents() throws {
        let directory = try work.tokenizer()
        let tokenizer = try Tokenizer(contentsOf: URL(fileURLWithPath: directory))
        let input = try work.file("in.jsonl", "{\"text\": \"the cat\"}\n\n{\"text\": \"12 + 30\", \"id\": 7}\n")
        let said = try work.data(
            "shard", "--input", input, "--output", work.path("mds"), "--tokenizer", directory)
        let expected = ["the cat", "12 + 30"].map { tokenizer.encode($0) + [0] }
        #expect(try work.samples(work.path("mds")).map { $0["input_ids"]?.integers } == expected)
        #expect(try work.samples(work.path("mds"))[0].members.map(\.key) == ["input_ids"])
        let count = expected.reduce(0) { $0 + $1.count }
        #expect(said == ["wrote 2 samples of \(count) tokens in 1 shards to \(work.path("mds"))"])
        #expect(work.exists("mds/shard.00000.mds.zstd"))
    }

    @Test("prompts are not trained, completions and their end are")
    func labels() throws {
        let directory = try work.tokenizer()
        let tokenizer = try Tokenizer(contentsOf: URL(fileURLWithPath: directory))
        let input = try work.file("in.jsonl", "{\"prompt\": \"12 + 30 =\", \"completion\": \" 42\"}\n")
        _ = try work.data("shard", "--input", input, "--output", work.path("mds"), "--tokenizer", directory)
        let sample = try #require(try work.samples(work.path("mds")).first)
        let (prompt, rest) = (tokenizer.encode("12 + 30 ="), tokenizer.encode(" 42") + [0])
        #expect(sample["input_ids"]?.integers == prompt + rest)
        #expect(sample["labels"]?.integers == prompt.map { _ in -100 } + rest)
    }

    @Test("conversations are trained on the assistant's turns")
    func conversations() throws {
        let directory = try work.tokenizer()
        let tokenizer = try Tokenizer(contentsOf: URL(fileURLWithPath: directory))
        let input = try work.file(
            "in.jsonl", #"{"messages": [{"role": "user", "content": "the"}, {"role": "assistant", "content": "cat"}]}"#)
        _ = try work.data("shard", "--input", input, "--output", work.path("mds"), "--tokenizer", directory)
        let sample = try #require(try work.samples(work.path("mds")).first)
        let trained = (sample["labels"]?.integers ?? []).filter { $0 != -100 }
        #expect(tokenizer.decode(trained) == "cat<|im_end|>")
        #expect(
            tokenizer.decode(sample["input_ids"]?.integers ?? [])
                == "<|im_start|>user\nthe<|im_end|>\n<|im_start|>assistant\ncat<|im_end|>\n")
    }

    @Test("documents are laid end to end and cut into samples of one length", arguments: [2, 3, 7])
    func sequences(length: Int) throws {
        let directory = try work.tokenizer()
        let tokenizer = try Tokenizer(contentsOf: URL(fileURLWithPath: directory))
        let texts = (0..<9).map { "the mat \($0) sat on 12" }
        let lines = try work.file("a.jsonl", texts.map { "{\"text\": \"\($0)\"}" }.joined(separator: "\n"))
        let plain = try work.file("b.txt", "on the mat\n")
        _ = try work.data(
            "shard", "--input", lines, plain, "--output", work.path("mds"), "--tokenizer", directory,
            "--sequence-length", "\(length)")
        let row: [Int32] = (texts + ["on the mat\n"]).flatMap { tokenizer.encode($0) + [0] as [Int32] }
        let samples = try work.samples(work.path("mds")).map { $0["input_ids"]?.integers ?? [] }
        #expect(samples.allSatisfy { $0.count == length })
        #expect(samples.flatMap { $0 } == Array(row.prefix(row.count / length * length)))
    }

    @Test("labels are cut together with their ids")
    func labelledSequences() throws {
        let directory = try work.tokenizer()
        let input = try work.file(
            "in.jsonl",
            #"{"input_ids": [5, 6, 7], "labels": [-100, 6, 7]}"# + "\n" + #"{"input_ids": [8, 9], "labels": [8, -100]}"#)
        _ = try work.data(
            "shard", "--input", input, "--output", work.path("mds"), "--tokenizer", directory, "--sequence-length", "3")
        let samples = try work.samples(work.path("mds"))
        #expect(samples.map { $0["input_ids"]?.integers } == [[5, 6, 7], [0, 8, 9]])
        #expect(samples.map { $0["labels"]?.integers } == [[-100, 6, 7], [-100, 8, -100]])
    }

    @Test("without a tokenizer the fields become columns of the encodings that hold all values")
    func columns() throws {
        let lines = [
            #"{"a": "x", "n": 1, "f": 1, "ids": [1, 2], "m": [0.5, 1], "nested": {"k": [1]}, "mixed": 1, "yes": true}"#,
            #"{"a": "é", "n": -2, "f": 0.5, "ids": [3], "m": [2], "nested": null, "mixed": "s", "yes": false}"#,
        ]
        let input = try work.file("in.jsonl", lines.joined(separator: "\n"))
        _ = try work.data("shard", "--input", input, "--output", work.path("mds"), "--compression", "none")
        let report = try JSONValue(parsing: try work.data("inspect", work.path("mds"), "--json")[0])
        let encodings = report["schemas"]?.array?.first?.array?.map { "\($0["name"]!.string!)=\($0["encoding"]!.string!)" }
        #expect(
            encodings == [
                "a=str", "f=float64", "ids=ndarray:int32", "m=ndarray:float64", "mixed=json", "n=int", "nested=json",
                "yes=json",
            ])
        let samples = try work.samples(work.path("mds"))
        #expect(samples[0]["ids"]?.text == "[1, 2]" && samples[1]["a"]?.string == "é" && samples[1]["n"]?.integer == -2)
        #expect(samples[0]["nested"]?.text == #"{"k": [1]}"# && samples[1]["mixed"]?.string == "s")
        #expect(work.exists("mds/shard.00000.mds"))
    }

    @Test("given encodings are used as they are")
    func givenColumns() throws {
        let input = try work.file("in.jsonl", #"{"ids": [[1, 2], [3, 4]], "x": {"base64": "AAE="}, "n": 300}"#)
        _ = try work.data(
            "shard", "--input", input, "--output", work.path("mds"), "--column", "ids=ndarray:uint16:2,2", "x=bytes",
            "--column", "n=uint16")
        let sample = try work.samples(work.path("mds"))[0]
        #expect(sample.text == #"{"ids": [[1, 2], [3, 4]], "n": 300, "x": {"base64": "AAE="}}"#)
    }

    @Test("all that is wrong with the options is said at once")
    func wrongOptions() throws {
        let error = #expect(throws: InputError.self) {
            try work.data(
                "shard", "--input", work.path("none.jsonl"), work.path("none.txt"), "--output", work.path("mds"),
                "--compression", "lz4", "--column", "ids=ndaray:int32", "--column", "n", "--sequence-length", "1")
        }
        #expect(
            error?.description == """
                --input: found no file or directory \(work.path("none.jsonl"))
                    fix: check the path
                --input: found no file or directory \(work.path("none.txt"))
                    fix: check the path
                --compression: cannot use compression "lz4": supported are zstd, gz and none
                    fix: write the data set again with --compression zstd
                --column: 'ids' has the unknown encoding 'ndaray:int32'; did you mean 'ndarray:int32'? known: bytes, \
                str, int, json, ndarray, ndarray:int32, uint8, int8, uint16, int16, uint32, int32, uint64, int64, float16, \
                float32, float64, str_int, str_float, str_decimal
                --column: found 'n', expected NAME=ENCODING, e.g. text=str
                --sequence-length: found 1, expected 2 or more
                --sequence-length: needs token ids
                    fix: add --tokenizer DIR
                """)
        #expect(!work.exists("mds"))
    }

    @Test("every wrong line is named, and no index is written")
    func wrongLines() throws {
        let directory = try work.tokenizer()
        let input = try work.file(
            "in.jsonl", "{\"text\": \"the\"}\n{\"body\": \"x\"}\n{\"text\": \n{\"text\": 3}\n{\"input_ids\": [5, 999]}\n")
        let error = #expect(throws: InputError.self) {
            try work.data("shard", "--input", input, "--output", work.path("mds"), "--tokenizer", directory)
        }
        #expect(error?.problems.map(\.place) == ["\(input):2", "--input", "\(input):4", "\(input):5"])
        #expect(error?.problems[1].message.hasPrefix("cannot read \(input):3: it is not a JSON object") == true)
        #expect(!work.exists("mds/index.json"))
    }

    @Test("a value that does not fit its given encoding is named with its line")
    func unfitValues() throws {
        let input = try work.file("in.jsonl", "{\"n\": 1}\n{\"n\": 300}\n{\"n\": \"x\"}\n")
        let error = #expect(throws: InputError.self) {
            try work.data("shard", "--input", input, "--output", work.path("mds"), "--column", "n=uint8")
        }
        #expect(
            error?.description.components(separatedBy: "\n") == [
                "\(input):2: cannot write column \"n\": 300 does not fit uint8",
                "\(input):3: column 'n': found \"x\", expected a number that fits for uint8",
            ])
    }

    @Test("fields that some lines lack are named with the first such line")
    func missingFields() throws {
        let input = try work.file("in.jsonl", "{\"a\": 1, \"b\": 2}\n{\"a\": 1}\n{\"a\": 1, \"c\": 1}\n")
        let error = #expect(throws: InputError.self) {
            try work.data("shard", "--input", input, "--output", work.path("mds"))
        }
        #expect(error?.problems.map(\.place) == ["column 'b'", "column 'c'"])
        #expect(error?.problems.first?.message == "2 of 3 lines have no such field, the first is \(input):2")
    }

    @Test("a directory that holds a data set is left alone")
    func existing() throws {
        let input = try work.file("in.jsonl", "{\"a\": 1}\n")
        _ = try work.data("shard", "--input", input, "--output", work.path("mds"))
        #expect(throws: DataError.self) { try work.data("shard", "--input", input, "--output", work.path("mds")) }
        #expect(try work.samples(work.path("mds")).count == 1)
    }

    @Test("the pieces of a large text have the ids of the whole text", arguments: [64, 1000, 5000])
    func pieces(size: Int) throws {
        let directory = try work.tokenizer()
        let tokenizer = try Tokenizer(contentsOf: URL(fileURLWithPath: directory))
        let text = (0..<400).map { "line \($0): the cat sat.\n\n  on 12 + \($0)\n" }.joined()
        // Files are read in chunks of 1 MiB, so the text must be longer than one.
        let whole = String(repeating: text, count: 130)
        let file = TextFile(path: try work.file("long.txt", whole), pieceBytes: size << 10)
        var pieces: [String] = []
        var lasts: [Bool] = []
        try file.forEachPiece { piece, isLast in
            pieces.append(piece)
            lasts.append(isLast)
        }
        #expect(pieces.joined() == whole && lasts == lasts.indices.map { $0 == lasts.count - 1 })
        #expect(size == 5000 ? pieces.count == 1 : pieces.count > 1)
        #expect(pieces.flatMap { tokenizer.encode($0) } == tokenizer.encode(whole))
    }
}
