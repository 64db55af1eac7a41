import Core
import JSON
import Testing

@Suite struct ProductTableTests {
    private func table(_ text: String) throws -> ProductTable {
        try ProductTable(json: try JSONValue(parsing: text), origin: "table.json")
    }

    @Test func `a table that is written reads back the same`() throws {
        let rows = [
            ProductTable.Row(
                processor: "AuthenticAMD family 26 model 2 avx512 bf16", dtype: .bfloat16, shape: .longSums,
                library: .onednn, speeds: [.onednn: 930.5, .panels: 900]),
            ProductTable.Row(library: .plain),
        ]
        let read = try table(ProductTable(rows: rows, origin: "x").text)
        #expect(read.rows == rows)
        #expect(read.json == ProductTable(rows: rows, origin: "").json)
    }

    @Test func `everything that is wrong with a table is told at once`() throws {
        let text = """
            {"format": 2, "row": [], "rows": [
              {"processor": "*", "library": "panels", "clas": "large"},
              {"processor": 3, "type": "float16", "class": "big", "library": "mkl", "gflops": {"onednn": "fast", "x": 1}},
              {"type": "float32"}, 7]}
            """
        let error = #expect(throws: ProductTableError.self) { try table(text) }
        #expect(
            error?.problems == [
                "row: unknown key; known are format, rows",
                "format: found 2, expected 1",
                "rows[0].clas: unknown key; known are processor, type, class, library, gflops",
                "rows[1].processor: found 3, expected a processor's name, or a pattern such as '*'",
                "rows[1].type: found 'float16', expected float32 | bfloat16",
                "rows[1].class: found 'big', expected few-rows | long-sums | large",
                "rows[1].library: found 'mkl', expected panels | openblas | onednn | plain",
                "rows[1].gflops.x: unknown key; known are panels, openblas, onednn, plain",
                "rows[1].gflops.onednn: found 'fast', expected a number",
                "rows[2].processor: found nothing, expected a processor's name, or a pattern such as '*'",
                "rows[2].library: found nothing, expected panels | openblas | onednn | plain",
                "rows[3]: found 7, expected an object",
            ])
        let list = #expect(throws: ProductTableError.self) { try table("[]") }
        #expect(list?.problems.first == "table: found [], expected an object")
    }

    @Test(arguments: [
        ("*", true), ("Intel 6 avx512 bf16", true), ("Intel 6", false), ("Intel*", true), ("*bf16", true), ("* avx512*", true),
        ("*bf16*avx512*", false), ("Intel*6*bf16", true), ("Intel 6 avx512 bf16*16", false), ("", false),
        ("Intel*avx512", false), ("*6 avx512 bf16", true), ("AMD*", false),
    ])
    func `a star in a pattern stands for any text`(pattern: String, isMatch: Bool) {
        let row = ProductTable.Row(processor: pattern, library: .plain)
        let found = ProductTable(rows: [row], origin: "").row(
            for: ProductKind(.float32, .large), on: "Intel 6 avx512 bf16")
        #expect((found != nil) == isMatch)
    }

    @Test func `the first row that fits counts, and rows of a second table come after`() {
        let own = ProductTable(
            rows: [
                ProductTable.Row(processor: "a*", dtype: .bfloat16, library: .onednn),
                ProductTable.Row(shape: .fewRows, library: .plain),
            ], origin: "own")
        let both = own.followed(by: ProductTable(rows: [ProductTable.Row(library: .openblas)], origin: "built in"))
        func library(_ dtype: DType, _ shape: ProductClass, _ processor: String) -> ProductLibrary? {
            both.row(for: ProductKind(dtype, shape), on: processor)?.library
        }
        #expect(library(.bfloat16, .fewRows, "ab") == .onednn)
        #expect(library(.bfloat16, .fewRows, "b") == .plain)
        #expect(library(.float32, .large, "ab") == .openblas)
        #expect(both.origin == "own")
    }

    @Test func `classes are told by rows, then by the length of sums`() {
        #expect(ProductClass(rows: 64, columns: 9, depth: 9000) == .fewRows)
        #expect(ProductClass(rows: 65, columns: 9, depth: 66) == .longSums)
        #expect(ProductClass(rows: 576, columns: 1536, depth: 1536) == .large)
        #expect(ProductClass(rows: 576, columns: 1536, depth: 2048) == .longSums)
        #expect(ProductClass(rows: 2048, columns: 576, depth: 1536) == .large)
    }

    @Test func `processors are named by maker, family and model, or by implementer and part`() {
        let amd = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n\nmodel\t: 3\n"
        #expect(
            Processor.name(cpuInfo: amd, instructionSets: ["avx512"]) == "AuthenticAMD family 26 model 2 avx512")
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd0c\n"
        #expect(Processor.name(cpuInfo: arm, instructionSets: []) == "implementer 0x41 part 0xd0c")
        #expect(Processor.name(cpuInfo: "", instructionSets: []) == "unknown")
    }
}

@Suite struct ProductChoicesTests {
    private static func absent() -> Result<OneDNNLibrary, OneDNNLibrary.Absence> {
        .failure(OneDNNLibrary.Absence(reason: "libdnnl.so.2: no such file"))
    }

    private func choices(_ rows: [ProductTable.Row], panelTypes: [DType]) -> ProductChoices {
        let libraries = ProductLibraries(panelTypes: panelTypes, blas: { nil }, oneDNN: Self.absent)
        return ProductChoices(ProductTable(rows: rows, origin: "/t.json"), on: "cpu", libraries: libraries)
    }

    @Test func `what is missing gives way to panels, with one warning of cost and installation`() {
        let rows = [
            ProductTable.Row(
                dtype: .float32, shape: .large, library: .onednn, speeds: [.onednn: 460.4, .panels: 440, .openblas: 400]),
            ProductTable.Row(dtype: .bfloat16, shape: .large, library: .onednn),
            ProductTable.Row(library: .panels),
        ]
        let choices = choices(rows, panelTypes: [.float32, .bfloat16])
        #expect(choices.identities.allSatisfy { $0.library == "panels" })
        #expect(
            choices.notices == [
                "the product table (/t.json) names onednn, which cannot be used: libdnnl.so.2: no such file; that concerns "
                    + "float32 large (panels instead, 440 GFLOP/s where it reached 460), bfloat16 large (panels instead, at "
                    + "a cost that was not measured); install it, e.g. with 'apt-get install libdnnl2'"
            ])
    }

    @Test func `without panels and OpenBLAS the plain product is taken, and said to be slow`() {
        let choices = choices([ProductTable.Row(library: .openblas)], panelTypes: [])
        #expect(choices.identities.allSatisfy { $0.library == "plain" })
        let kinds = ProductKind.all.map { "\($0) (plain instead, many times slower)" }.joined(separator: ", ")
        #expect(
            choices.notices == [
                "the product table (/t.json) names openblas, which cannot be used: libopenblas.so.0 cannot be opened; that "
                    + "concerns \(kinds); install it, e.g. with 'apt-get install libopenblas0-pthread'"
            ])
    }

    @Test func `the built-in table needs nothing but this package where there is AVX-512`() {
        let missing = ProductLibraries(panelTypes: [.float32], blas: { nil }, oneDNN: Self.absent)
        let choices = ProductChoices(.builtIn, on: "X family 1 model 2 avx512", libraries: missing)
        #expect(choices.notices == [])
        #expect(choices.identities.allSatisfy { $0.library == "panels" })
    }

    @Test func `the digest changes with a library or its version, and with nothing else`() {
        func digest(_ rows: [ProductTable.Row], origin: String = "a", _ version: String = "0.3.21") -> String {
            let libraries = ProductLibraries(
                panelTypes: [.float32], blas: { .plain(version: version) }, oneDNN: Self.absent)
            return ProductChoices(ProductTable(rows: rows, origin: origin), on: "cpu", libraries: libraries).digest
        }
        let panels = ProductTable.Row(library: .panels)
        let blas = ProductTable.Row(library: .openblas)
        let base = digest([panels])
        #expect(base.count == 16)
        #expect(base == digest([panels, blas], origin: "b"))
        #expect(base == digest([ProductTable.Row(processor: "other", library: .openblas), panels]))
        #expect(base != digest([ProductTable.Row(dtype: .float32, shape: .large, library: .openblas), panels]))
        #expect(digest([blas]) != digest([blas], "0.3.22"))
    }
}
