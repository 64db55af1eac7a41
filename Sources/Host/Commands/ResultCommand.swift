package import ArgumentParser

/// A command whose results are lines of text: on standard output, or wherever a caller wants them.
package protocol ResultCommand: ParsableCommand {
    /// Does the work; diagnostics go to standard error, results to `output`.
    func run(to output: ResultOutput) throws
}

extension ResultCommand {
    /// Prints the results.
    package func run() throws {
        let output = ResultOutput()
        try run(to: output)
        try output.finish()
    }
}
