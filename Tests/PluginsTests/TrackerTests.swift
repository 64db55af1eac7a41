import Foundation
import JSON
import PluginAPI
import Testing
import TrackerJSONL
import TrackerTensorBoard

@Suite struct TrackerTests {
    private func figures(_ step: Int) -> [JSONValue.Member] {
        [.init("step", .integer(step)), .init("loss", .double(1 / Double(step))), .init("tokens", .integer(100 * step))]
    }

    private func text(_ url: URL) throws -> String { try String(contentsOf: url, encoding: .utf8) }

    private func discarded(_ directory: URL) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .filter { $0.lastPathComponent.hasPrefix("metrics.discarded-") }
    }

    // MARK: jsonl

    @Test func `one object a step, in the order of the figures`() throws {
        let directory = try TemporaryDirectory()
        let tracker = try JSONLTracker(NoConfig(), runDirectory: directory.url, resumedStep: 0)
        for step in 1...2 { try tracker.log(step: step, figures(step)) }
        try tracker.finish()
        #expect(
            try text(directory.url.appending(path: "metrics.jsonl"))
                == "{\"step\": 1, \"loss\": 1.0, \"tokens\": 100}\n{\"step\": 2, \"loss\": 0.5, \"tokens\": 200}\n")
        #expect(try discarded(directory.url).isEmpty)
    }

    @Test func `lines after the checkpoint's step move aside when a run resumes`() throws {
        let directory = try TemporaryDirectory()
        let first = try JSONLTracker(NoConfig(), runDirectory: directory.url, resumedStep: 0)
        for step in 1...4 { try first.log(step: step, figures(step)) }
        let file = directory.url.appending(path: "metrics.jsonl")
        let uninterrupted = try text(file)
        // A crash in the middle of a line.
        try Data((uninterrupted + "{\"step\": 5, \"lo").utf8).write(to: file)

        let second = try JSONLTracker(NoConfig(), runDirectory: directory.url, resumedStep: 2)
        for step in 3...4 { try second.log(step: step, figures(step)) }
        #expect(try text(file) == uninterrupted)
        let aside = try discarded(directory.url)
        #expect(aside.count == 1)
        let lines = uninterrupted.split(separator: "\n").suffix(2).joined(separator: "\n")
        #expect(try text(aside[0]) == lines + "\n{\"step\": 5, \"lo")
    }

    @Test func `a run that resumes at its last line discards nothing`() throws {
        let directory = try TemporaryDirectory()
        let first = try JSONLTracker(NoConfig(), runDirectory: directory.url, resumedStep: 0)
        try first.log(step: 1, figures(1))
        _ = try JSONLTracker(NoConfig(), runDirectory: directory.url, resumedStep: 1)
        #expect(try discarded(directory.url).isEmpty)
    }

    // MARK: tensorboard

    @Test func `event files hold framed and checksummed scalars`() throws {
        let directory = try TemporaryDirectory()
        let tracker = try TensorBoardTracker(.template, runDirectory: directory.url, resumedStep: 0)
        try tracker.log(step: 300, figures(4))
        try tracker.finish()
        let records = try records(in: directory.url)
        #expect(records.count == 2)
        #expect(Array(records[0][9...]) == [0x1A, 13] + Array("brain.Event:2".utf8))
        // step 300 as a varint; a summary of two values: tag, simple_value
        let loss: [UInt8] = [0x0A, 4] + Array("loss".utf8) + [0x15, 0, 0, 0x80, 0x3E]
        let tokens: [UInt8] = [0x0A, 6] + Array("tokens".utf8) + [0x15, 0, 0, 0xC8, 0x43]
        let summary = [0x0A, UInt8(loss.count)] + loss + [0x0A, UInt8(tokens.count)] + tokens
        #expect(Array(records[1][9...]) == [0x10, 0xAC, 0x02, 0x2A, UInt8(summary.count)] + summary)
        #expect(records.allSatisfy { $0[0] == 0x09 })
    }

    @Test func `a resumed run tells readers to forget the steps after the checkpoint`() throws {
        let directory = try TemporaryDirectory()
        _ = try TensorBoardTracker(.template, runDirectory: directory.url, resumedStep: 6)
        let records = try records(in: directory.url)
        #expect(Array(records[1][9...]) == [0x10, 7, 0x3A, 2, 0x08, 1])
    }

    /// The messages of the only event file, their frames checked bit by bit.
    private func records(in run: URL) throws -> [[UInt8]] {
        let folder = run.appending(path: "tensorboard")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.count == 1 && files[0].lastPathComponent.contains("tfevents"))
        let bytes = [UInt8](try Data(contentsOf: files[0]))
        var records: [[UInt8]] = []
        var place = 0
        func number(_ count: Int) -> UInt64 {
            defer { place += count }
            return (0..<count).reduce(0) { $0 | UInt64(bytes[place + $1]) << (8 * UInt64($1)) }
        }
        while place < bytes.count {
            let head = Array(bytes[place..<place + 8])
            let length = Int(number(8))
            #expect(UInt32(number(4)) == maskedChecksum(head))
            records.append(Array(bytes[place..<place + length]))
            place += length
            #expect(UInt32(number(4)) == maskedChecksum(records[records.count - 1]))
        }
        return records
    }

    /// CRC32C by long division, one bit at a time.
    private func maskedChecksum(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            for bit in 0..<8 {
                let carries = (crc ^ UInt32(byte >> UInt8(bit))) & 1 == 1
                crc = crc >> 1 ^ (carries ? 0x82F6_3B78 : 0)
            }
        }
        crc = ~crc
        return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    }
}
