import Core
import Foundation
import Host
import Testing

@Suite struct ProductTunerTests {
    private typealias Shape = ProductTuner.Shape

    private func library(_ shape: ProductTuner.Shape, _ seconds: [ProductLibrary: Double]) -> ProductLibrary? {
        let figures = seconds.map { ProductTuner.Figure(.float32, shape, $0.key, seconds: $0.value) }
        return ProductTuner.rows(figures, for: "cpu").first?.library
    }

    @Test func `the fastest library wins, but for panels within 3 percent of it and for few rows`() {
        let (large, few) = (Shape(.forward, 2048, 576, 576), Shape(.forward, 16, 576, 576))
        #expect(library(large, [.panels: 1.1, .onednn: 1.0, .openblas: 1.5]) == .onednn)
        #expect(library(large, [.panels: 1.02, .onednn: 1.0]) == .panels)
        #expect(library(few, [.panels: 2.0, .onednn: 1.0]) == .panels)
        #expect(library(few, [.openblas: 2.0, .onednn: 1.0]) == .onednn)
    }

    @Test func `a class is won by the sum of its products' times, and its row tells the speeds`() {
        let (one, two) = (Shape(.forward, 1000, 1000, 500), Shape(.inputGradient, 1000, 500, 500))
        let figures = [
            ProductTuner.Figure(.bfloat16, one, .panels, seconds: 0.01),
            ProductTuner.Figure(.bfloat16, two, .panels, seconds: 0.02),
            ProductTuner.Figure(.bfloat16, one, .onednn, seconds: 0.012),
            ProductTuner.Figure(.bfloat16, two, .onednn, seconds: 0.003),
        ]
        #expect(
            ProductTuner.rows(figures, for: "cpu") == [
                ProductTable.Row(
                    processor: "cpu", dtype: .bfloat16, shape: .large, library: .onednn,
                    speeds: [.panels: 50, .onednn: 100])
            ])
    }

    @Test func `writing replaces the rows of one processor and keeps the others`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "forktail-products-" + UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = try #require(ProductTableFile(environment: ["XDG_CONFIG_HOME": folder.path]))
        #expect(file.path == folder.path + "/forktail/products.json")
        #expect(try file.read() == nil)
        let (here, there) = ("here", "there")
        try file.write([ProductTable.Row(processor: here, library: .panels)], for: here)
        try file.write([ProductTable.Row(processor: there, library: .openblas)], for: there)
        try file.write([ProductTable.Row(processor: here, library: .onednn)], for: here)
        #expect(
            try file.read()?.rows == [
                ProductTable.Row(processor: here, library: .onednn), ProductTable.Row(processor: there, library: .openblas),
            ])
    }

    @Test func `the file is the one that the environment names, or none`() {
        #expect(ProductTableFile(environment: ["HOME": "/h"])?.path == "/h/.config/forktail/products.json")
        #expect(ProductTableFile(environment: ["HOME": "/h", "FORKTAIL_PRODUCTS": "/t.json"])?.path == "/t.json")
        #expect(ProductTableFile(environment: ["HOME": "/h", "FORKTAIL_PRODUCTS": "built-in"]) == nil)
        #expect(ProductTableFile(environment: [:]) == nil)
    }
}
