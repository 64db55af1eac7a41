internal import JSON

extension Profile {
    /// The events in the trace format of Chrome, which Perfetto (ui.perfetto.dev) opens: operations with operands, bytes
    /// and FLOPs, stretches of time around them, and the memory in use as a counter.
    public var chromeTrace: String {
        var items: [JSONValue] = [Profile.metadata("process_name", "forktail"), Profile.metadata("thread_name", "rank 0")]
        items += events.sorted { ($0.startSeconds, $1.seconds) < ($1.startSeconds, $0.seconds) }.map(\.traceItem)
        items += memory.map { sample in
            .object([
                .init("ph", .string("C")), .init("name", .string("memory in use")), .init("pid", .integer(1)),
                .init("ts", .double(sample.atSeconds * 1e6)),
                .init("args", .object([.init("bytes", .integer(sample.byteCount))])),
            ])
        }
        let head = "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n"
        return head + items.map(\.text).joined(separator: ",\n") + "\n]}\n"
    }

    private static func metadata(_ key: String, _ name: String) -> JSONValue {
        .object([
            .init("ph", .string("M")), .init("name", .string(key)), .init("pid", .integer(1)), .init("tid", .integer(1)),
            .init("args", .object([.init("name", .string(name))])),
        ])
    }
}

extension Profile.Event {
    fileprivate var traceItem: JSONValue {
        var arguments: [JSONValue.Member] = []
        if let work {
            arguments = [
                .init("inputs", .array(work.inputs.map { .string($0.description) })),
                .init("outputs", .array(work.outputs.map { .string($0.description) })),
                .init("bytes", .integer(work.byteCount)),
                .init("GB/s", .double(Double(work.byteCount) / max(seconds, 1e-9) / 1e9)),
            ]
            if work.flopCount > 0 {
                arguments.append(.init("FLOPs", .integer(work.flopCount)))
                arguments.append(.init("GFLOP/s", .double(Double(work.flopCount) / max(seconds, 1e-9) / 1e9)))
            }
        }
        return .object([
            .init("ph", .string("X")), .init("name", .string(name)),
            .init("cat", .string(work == nil ? "phase" : "operation")), .init("pid", .integer(1)),
            .init("tid", .integer(1)), .init("ts", .double(startSeconds * 1e6)), .init("dur", .double(seconds * 1e6)),
            .init("args", .object(arguments)),
        ])
    }
}
