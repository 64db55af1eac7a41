import Core
import Foundation
import Host
import JSON
import PluginAPI
import Testing

/// Plugin files: built by forktail, built otherwise, and built for another forktail.
@Suite struct PluginFileTests {
    private static let sample = TestPlugins.root.appending(path: "Examples/Plugins/SignSGD")

    @Test func `a plugin built outside the package is loaded and makes its optimizer`() throws {
        try TestPlugins.withFolder { folder in
            let built = try PluginBuilder().build(Self.sample, output: folder.appending(path: "acme.so"))
            print("built in \(built.seconds) s")
            let catalog = TestPlugins.catalog([], PluginSettings(paths: ["acme.so"]), in: folder)
            let registry = try RegistryBuilder(catalog).build()
            let provider = try registry.optimizer("signsgd")
            #expect("\(provider.id)" == "acme.optimizer.signsgd")
            #expect(provider.schema.template.text == #"{"momentum": 0.9}"#)
            let optimizer = try provider.make(.object([JSONValue.Member("momentum", .number("0.5"))]), "optimizer")
            #expect(optimizer.stateNames == ["momentum"])
            #expect(throws: InputError.self) {
                try provider.make(.object([JSONValue.Member("momentum", .number("1.5"))]), "optimizer")
            }
            #expect(built.seconds < 20)
        }
    }
}
