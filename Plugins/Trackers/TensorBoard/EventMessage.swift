internal import Foundation

/// One `Event` protocol buffer (tensorflow/core/util/event.proto), and its record in an event file.
struct EventMessage {
    private(set) var bytes: [UInt8] = []

    /// The first record of every file.
    static func version(wallTime: Double) -> EventMessage {
        var event = EventMessage()
        event.double(1, wallTime)
        event.data(3, Array("brain.Event:2".utf8))
        return event
    }

    /// Makes readers forget what earlier files say of `step` and later ones.
    static func sessionStart(step: Int, wallTime: Double) -> EventMessage {
        var session = EventMessage()
        session.varint(1, 1)
        var event = EventMessage()
        event.double(1, wallTime)
        event.varint(2, UInt64(step))
        event.data(7, session.bytes)
        return event
    }

    /// A summary of simple values.
    static func scalars(_ values: [(tag: String, value: Float)], step: Int, wallTime: Double) -> EventMessage {
        var summary = EventMessage()
        for (tag, number) in values {
            var value = EventMessage()
            value.data(1, Array(tag.utf8))
            value.float(2, number)
            summary.data(1, value.bytes)
        }
        var event = EventMessage()
        event.double(1, wallTime)
        event.varint(2, UInt64(step))
        event.data(5, summary.bytes)
        return event
    }

    /// Length (8 bytes, little-endian), its masked checksum, the message, its masked checksum.
    var record: Data {
        let length = EventMessage.littleEndian(UInt64(bytes.count))
        return Data(
            length + EventMessage.littleEndian(CRC32C.masked(length)) + bytes
                + EventMessage.littleEndian(CRC32C.masked(bytes)))
    }

    // MARK: protocol buffer fields: a key of (number, wire type), then the value

    private mutating func varint(_ field: UInt64, _ value: UInt64) {
        number(field << 3)
        number(value)
    }

    private mutating func double(_ field: UInt64, _ value: Double) {
        number(field << 3 | 1)
        bytes += EventMessage.littleEndian(value.bitPattern)
    }

    private mutating func float(_ field: UInt64, _ value: Float) {
        number(field << 3 | 5)
        bytes += EventMessage.littleEndian(value.bitPattern)
    }

    private mutating func data(_ field: UInt64, _ value: [UInt8]) {
        number(field << 3 | 2)
        number(UInt64(value.count))
        bytes += value
    }

    /// Seven bits a byte, the lowest first; the high bit says that more follow.
    private mutating func number(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
