public import Foundation
public import JSON

/// Receives the run's figures.
public protocol Tracker: SendableMetatype {
    associatedtype Config: PluginConfig
    /// - Parameters:
    ///   - runDirectory: where files may be written.
    ///   - resumedStep: the step after which this run goes on; 0 at the start.
    init(_ config: Config, runDirectory: URL, resumedStep: Int) throws
    /// One optimizer step's figures, in the order of metrics.jsonl.
    func log(step: Int, _ figures: [JSONValue.Member]) throws
    /// Called once at the end, whatever ended the run.
    func finish() throws
}
