/// What a rank last did together with others, for the message of a run that hangs or is out of step.
public final class FlightRecorder {
    /// One collective or message.
    public struct Entry: Sendable, CustomStringConvertible {
        /// Counted from the start of the run.
        public let number: Int
        /// The communicator's axes.
        public let axes: String
        public let envelope: Envelope
        /// Of the tensor that names the collective's size.
        public let shape: [Int]
        public fileprivate(set) var isDone = false

        public var description: String { envelope.text(size: "\(shape)") + " along \(axes)" }
    }

    private let capacity: Int
    private var ring: [Entry] = []
    private var count = 0

    init(capacity: Int = 256) { self.capacity = capacity }

    /// The last entries, oldest first.
    public var entries: [Entry] { ring.sorted { $0.number < $1.number } }

    func started(_ envelope: Envelope, axes: String, shape: [Int]) -> Entry {
        let entry = Entry(number: count, axes: axes, envelope: envelope, shape: shape)
        if ring.count < capacity { ring.append(entry) } else { ring[count % capacity] = entry }
        count += 1
        return entry
    }

    func finished(_ number: Int) {
        if ring[number % capacity].number == number { ring[number % capacity].isDone = true }
    }

    /// A line for each of the last `limit` entries.
    public func text(last limit: Int = 8) -> String {
        entries.suffix(limit).map { entry in
            "  \(entry.number): \(entry)" + (entry.isDone ? "" : " (not done)")
        }.joined(separator: "\n")
    }
}
