import JSON
import DataLoader
import Testing

@Suite("Columns")
struct ColumnTests {
    static func column(_ encoding: String, _ bytes: [UInt8]) throws -> Column {
        let schema = Schema(names: ["x"], encodings: [try #require(ColumnEncoding(encoding), "\(encoding)")])
        return try Sample(
            schema: schema, buffer: ByteBuffer(bytes), ranges: [0..<bytes.count], origin: "here", index: 7
        ).column("x")
    }

    @Test("every encoding's name is read and written back; others are unknown")
    func names() {
        for name in [
            "bytes", "str", "int", "uint8", "float16", "str_int", "str_decimal", "ndarray", "ndarray:int32",
            "ndarray:uint16:2,3", "json", "pil", "jpeg", "list[png]", "pkl", "jpeg_array", "jpegarray",
        ] {
            #expect(ColumnEncoding(name)?.name == name)
        }
        for name in [
            "", "int128", "ndarray:", "ndarray:bool", "ndarray:int32:", "ndarray:int32:0", "ndarray:int32:2:3", "Str",
        ] {
            #expect(ColumnEncoding(name) == nil, "\(name)")
        }
        #expect(ColumnEncoding("ndarray:uint16:2,3")?.fixedByteCount == 12)
    }

    @Test("token ids are read from every form in which data sets hold them")
    func tokens() throws {
        #expect(
            try Self.column("ndarray:int32", [4, 2, 1, 0, 0, 0, 255, 255, 255, 255]).integers(as: Int32.self) == [
                1, -1,
            ])
        #expect(try Self.column("ndarray", [16, 4, 2, 7, 0, 255, 255]).integers(as: Int32.self) == [7, 65535])
        #expect(try Self.column("bytes", [9, 0, 0, 0, 0, 0, 0, 0]).integers(as: Int32.self) == [9])
        #expect(try Self.column("bytes", [9, 0, 1, 0]).integers(as: Int32.self, storedAs: .uint16) == [9, 1])
        #expect(try Self.column("json", Array("[ 1,-2 ,3 ]".utf8)).integers(as: Int32.self) == [1, -2, 3])
        #expect(try Self.column("json", Array("[]".utf8)).integers(as: Int32.self) == [])
        #expect(try Self.column("ndarray:uint8:2,2", [1, 2, 3, 4]).display().text == "[[1, 2], [3, 4]]")
    }

    @Test(
        "bytes that do not hold what the encoding promises are named, and shown as base64",
        arguments: [
            ("ndarray:int32", [4, 3, 1, 0, 0, 0]), ("ndarray", []), ("ndarray", [7, 4, 1, 1]), ("ndarray", [33]),
            ("ndarray:int32", [4]), ("ndarray:int32", [7, 255, 255, 255, 255, 255, 255, 255, 255]),
            ("ndarray:int32", [11, 255, 255, 255, 255, 255, 255, 255, 127, 255, 255, 255, 255, 255, 255, 255, 127]),
            ("json", [91, 49]), ("int", [1, 2]), ("str_int", [65]),
        ] as [(String, [UInt8])])
    func damaged(_ encoding: String, _ bytes: [UInt8]) throws {
        let column = try Self.column(encoding, bytes)
        #expect {
            _ = try column.integers(as: Int32.self)
        } throws: {
            "\($0)".hasPrefix("cannot read column \"x\" of sample here:7: ")
        }
        if encoding != "str_int" { #expect(column.display()["base64"] != nil) }
    }

    @Test("numbers that do not fit are refused, not cut")
    func narrowing() throws {
        let wide = try Self.column("ndarray:int64", [4, 1, 0, 0, 0, 0, 1, 0, 0, 0])
        #expect(try wide.integers(as: Int.self) == [1 << 32])
        #expect { try wide.integers(as: Int32.self) } throws: { "\($0)".contains("element 0 is 4294967296") }
        #expect(throws: SampleError.self) {
            try Self.column("json", Array("[3000000000]".utf8)).integers(as: Int32.self)
        }
        #expect(throws: SampleError.self) {
            try Self.column("ndarray:float32", [4, 1, 0, 0, 0, 0]).integers(as: Int32.self)
        }
        #expect(throws: SampleError.self) { try Self.column("str", [0xFF]).string() }
    }

    @Test("JSON is read and written exactly: numbers, escapes, surrogates, Python's constants")
    func json() throws {
        for text in [
            #"{"b": [1, 2.50, 1e+400, 123456789012345678901], "a": null}"#, #""\u00e9\ud83d\ude00\n\"\\""#,
            "[NaN, Infinity, -Infinity]", "[]", "{}", "[true, false]",
        ] {
            #expect(try JSONValue(parsing: text).text == text)
        }
        for text in [
            "", "{", "[1,]", "{\"a\" 1}", "01x", "\"\\x\"", "\"\u{1}\"", "nul", "1 2", "[1 2]", "-", "1.", "\"\\u12\"",
        ] {
            #expect(throws: JSONError.self, "\(text)") { try JSONValue(parsing: text) }
        }
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "[", count: 100_000)) }
        #expect(try JSONValue(parsing: #""\ud800x""#) == .string("\u{FFFD}x"))
    }
}
