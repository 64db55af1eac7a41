import Testing

extension Scratch {
    /// Writes a file that can be run.
    ///
    /// A process of its own writes it: what this one starts meanwhile, for other tests, would have it open for writing for
    /// a moment, and such a file cannot be run.
    func script(_ name: String, _ text: String) throws -> String {
        let outcome = try Executable.shell("printf '%s\\n' \"$1\" > \"$2\" && chmod 755 \"$2\"", [text, path(name)])
        #expect(outcome.status == 0, "\(outcome.diagnostics)")
        return path(name)
    }
}
