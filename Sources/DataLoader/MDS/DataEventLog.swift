import Foundation
import Synchronization

/// Counts every event and reports each kind once a file, so that a fault neither hides nor floods the log.
public final class DataEventLog: Sendable {
    private struct State {
        var counts: [DataEvent.Kind: Int] = [:]
        var reported: Set<String> = []
    }

    private let state = Mutex(State())
    private let report: @Sendable (DataEvent) -> Void

    /// - Parameter report: where the first event of each kind and file goes; standard error by default.
    public init(report: @escaping @Sendable (DataEvent) -> Void = DataEventLog.printToStandardError) {
        self.report = report
    }

    /// Prints one line to standard error.
    public static let printToStandardError: @Sendable (DataEvent) -> Void = { event in
        FileHandle.standardError.write(Data("\(event)\n".utf8))
    }

    /// How often `kind` happened, repeated events of one file included.
    public func count(of kind: DataEvent.Kind) -> Int { state.withLock { $0.counts[kind] ?? 0 } }

    func add(_ kind: DataEvent.Kind, _ file: String, _ detail: String) {
        let isFirst = state.withLock { state in
            state.counts[kind, default: 0] += 1
            return state.reported.insert("\(kind.rawValue) \(file)").inserted
        }
        if isFirst { report(DataEvent(kind: kind, file: file, detail: detail)) }
    }
}
