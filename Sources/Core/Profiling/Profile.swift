/// What a runtime did while it was recorded.
public struct Profile: Sendable {
    /// Operations and named stretches of time, in the order in which they ended; inner ones lie within outer ones.
    public var events: [Event]
    /// How much memory was in use, whenever that changed.
    public var memory: [MemorySample]
    /// From start to end of the recording.
    public var seconds: Double

    /// One stretch of time.
    public struct Event: Sendable {
        /// The operation's or the stretch's name.
        public var name: String
        /// From the start of the recording.
        public var startSeconds: Double
        public var seconds: Double
        /// Without what other events within this one took.
        public var ownSeconds: Double
        /// What the operation worked on; nil for a stretch of time.
        public var work: Work?
    }

    /// What an operation worked on.
    public struct Work: Sendable {
        public var inputs: [Operand]
        public var outputs: [Operand]
        /// See `Operation.byteCount`.
        public var byteCount: Int
        /// See `Operation.flopCount`.
        public var flopCount: Int
    }

    /// Shape and element type of a view.
    public struct Operand: Sendable, CustomStringConvertible {
        public var shape: [Int]
        public var dtype: DType
        /// Whether neighbours along the last dim lie apart in memory.
        public var isTransposed: Bool

        init(_ view: BufferView) {
            shape = view.shape
            dtype = view.dtype
            isTransposed = !view.hasDenseRows && view.strides.last != 0
        }

        public var description: String {
            "\(dtype.rawValue)[\(shape.map { String($0) }.joined(separator: ", "))]" + (isTransposed ? "^T" : "")
        }
    }

    /// Bytes in use at a moment.
    public struct MemorySample: Sendable {
        public var atSeconds: Double
        public var byteCount: Int
    }

    /// Time, work and number of the operations of one name and form.
    public struct Row: Sendable {
        public var name: String
        /// The first operands, which tell forms apart.
        public var form: String
        public var callCount = 0
        /// Without what operations within these took.
        public var seconds = 0.0
        public var byteCount = 0
        public var flopCount = 0
    }

    /// Operations by name and form, the one that took longest first.
    public var rows: [Row] {
        var rows: [String: Row] = [:]
        for event in events {
            guard let work = event.work else { continue }
            let form = work.form
            var row = rows[event.name + form] ?? Row(name: event.name, form: form)
            row.callCount += 1
            row.seconds += event.ownSeconds
            row.byteCount += work.byteCount
            row.flopCount += work.flopCount
            rows[event.name + form] = row
        }
        return rows.values.sorted { ($1.seconds, $0.name, $0.form) < ($0.seconds, $1.name, $1.form) }
    }

    /// Seconds of the stretches of this name.
    public func seconds(of name: String) -> Double {
        events.reduce(0) { $0 + ($1.work == nil && $1.name == name ? $1.seconds : 0) }
    }
}

extension Profile.Work {
    /// Inputs and outputs in few words: the first two of one, the first of the other, and how many more there are.
    fileprivate var form: String {
        func list(_ operands: [Profile.Operand], _ limit: Int) -> String {
            let shown = operands.prefix(limit).map(\.description).joined(separator: " ")
            return shown + (operands.count > limit ? " +\(operands.count - limit)" : "")
        }
        return inputs.isEmpty ? list(outputs, 1) : "\(list(inputs, 2)) -> \(list(outputs, 1))"
    }
}
