import JSON
import DataLoader
import Foundation
import Testing

@Suite("JSON lines")
struct JSONLinesTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    func file(_ text: String, _ name: String = "a.jsonl") throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory.path + "/" + name))
        return directory.path + "/" + name
    }

    @Test("text, messages and token ids are columns of the same kind")
    func kinds() throws {
        let path = try file(
            """
            {"text": "caf\\u00e9 \\ud83d\\ude00 \\"x\\"", "n": 1.5}

            {"messages": [{"role": "user", "content": "hi"}]}
              {"input_ids": [1, -2, 3], "labels": [-100, 7, 8], "text": "a", "text": "b"}
            """)
        let source = try JSONLinesSource(files: [path])
        #expect(source.count == 3)
        let text = try source.sample(at: 0)
        #expect(try text.column("text").string() == "caf\u{e9} \u{1F600} \"x\"")
        #expect(try text.column("n").double() == 1.5)
        #expect(text.id == "\(path):1")
        #expect(try source.sample(at: 1).column("messages").json().array?[0]["content"]?.string == "hi")
        let ids = try source.sample(at: 2)
        #expect(ids.id == "\(path):4")
        #expect(try ids.column("input_ids").integers(as: Int32.self) == [1, -2, 3])
        #expect(try ids.column("labels").integers(as: Int32.self) == [-100, 7, 8])
        #expect(try ids.column("text").string() == "b")
        #expect(ids.display().text == #"{"input_ids": [1, -2, 3], "labels": [-100, 7, 8], "text": "b"}"#)
        #expect { try ids.column("prompt") } throws: { "\($0)".contains("it has input_ids, labels, text") }
        #expect { try ids.column("text").integers(as: Int32.self) } throws: {
            "\($0)".contains("column \"text\" of sample \(path):4")
        }
    }

    @Test("lines are read in any order, over several files, plain or gzip", arguments: [false, true])
    func random(_ isGzip: Bool) throws {
        var expected: [String] = []
        var paths: [String] = []
        for (number, count) in [1000, 0, 1, 8, 17].enumerated() {
            var text = ""
            for line in 0..<count {
                let value = "\(number)-\(line)" + String(repeating: "x", count: line * 37 % 900)
                expected.append(value)
                text += "{\"text\": \"\(value)\"}\n" + (line % 5 == 0 ? "\n \r\n" : "")
            }
            let path = try file(text, "\(number).jsonl")
            paths.append(isGzip ? try gzip(path) : path)
        }
        let source = try JSONLinesSource(files: paths)
        #expect(source.count == expected.count)
        for step in 0..<source.count {
            let index = step * 331 % source.count
            #expect(try source.sample(at: index).column("text").string() == expected[index])
        }
        #expect(try JSONLinesSource(files: paths).fingerprint == source.fingerprint)
    }

    func gzip(_ path: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-kf", path]
        try process.run()
        process.waitUntilExit()
        return path + ".gz"
    }

    @Test("a line that is no object is named by file and line, and only when it is read")
    func errors() throws {
        let path = try file("{\"a\": 1}\n\n{\"a\": 1,}\n[1]\n{\"a\": \"open\n{\"a\": 2}")
        let source = try JSONLinesSource(files: [path])
        #expect(try source.sample(at: 0).column("a").integer() == 1)
        #expect(try source.sample(at: 4).column("a").integer() == 2)
        for (index, line) in [(1, 3), (2, 4), (3, 5)] {
            #expect { try source.sample(at: index) } throws: {
                "\($0)".contains("cannot read \(path):\(line): it is not a JSON object")
            }
        }
        #expect {
            try JSONLinesSource(files: [directory.path + "/none", path, directory.path + "/neither"])
        } throws: {
            "\($0)".contains("/none") && "\($0)".contains("/neither")
        }
    }

    @Test("line numbers are right far into a file, blank lines counted")
    func lineNumbers() throws {
        let path = try file(String(repeating: "{\"a\": 1}\n\n", count: 40))
        let source = try JSONLinesSource(files: [path])
        #expect(try (0..<40).map { try source.sample(at: $0).index } == (0..<40).map { 2 * $0 + 1 })
    }

    @Test("contents, not names, make the fingerprint; a cut gzip file is refused")
    func fingerprints() throws {
        let first = try file("{\"a\": 1}\n", "x")
        let same = try file("{\"a\": 1}\n", "y")
        let other = try file("{\"a\": 2}\n", "z")
        let prints = try [first, same, other].map { try JSONLinesSource(files: [$0]).fingerprint }
        #expect(prints[0] == prints[1] && prints[0] != prints[2])
        let zipped = try gzip(try file(String(repeating: "{\"a\": 1}\n", count: 1000), "w"))
        try TestData.truncate(zipped, to: 40)
        #expect { try JSONLinesSource(files: [zipped]) } throws: { "\($0)".contains(zipped) }
    }
}
