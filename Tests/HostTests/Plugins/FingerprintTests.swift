import Foundation
import Host
import PluginAPI
import Testing

@Suite struct FingerprintTests {
    @Test func `the fingerprint is that of the sources as they are`() throws {
        let modules = "CKernels CPCRE2 CPluginABI CXXHash CZlib CZstd Core DataLoader JSON PluginAPI Random Text"
        let script = """
            cd '\(TestPlugins.root.path)'
            set -- $(for module in \(modules); do find Sources/$module -name '*.swift' -o -name '*.c' -o -name '*.h' \
              -o -name '*.modulemap'; done | LC_ALL=C sort)
            sha256sum -- "$@" | sha256sum | cut -c 1-64
            """
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", script]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let found = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let digits = String(decoding: found, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(PluginInterface.fingerprint.description == PluginInterface.marker + digits)
    }
}
