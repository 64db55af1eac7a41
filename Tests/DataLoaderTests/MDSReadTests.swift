import JSON
import DataLoader
import Foundation
import Testing

/// JSON with numbers as values, so that `1.0` equals `1.00`; integers beyond float64 keep their digits.
func normal(_ value: JSONValue) -> JSONValue {
    switch value {
    case .number(let text): .number(Int(text) != nil ? text : Double(text).map { "\($0)" } ?? text)
    case .array(let values): .array(values.map(normal))
    case .object(let members):
        .object(members.map { JSONValue.Member($0.key, normal($0.value)) }.sorted { $0.key < $1.key })
    default: value
    }
}

func lines(_ path: String) throws -> [JSONValue] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
        normal(try JSONValue(parsing: String($0)))
    }
}

@Suite("Reading MDS")
struct MDSReadTests {
    @Test(
        "every sample of the golden data sets equals what the original reads",
        .enabled(if: SharedData.isPresent, Comment(rawValue: SharedData.reason)),
        arguments: ["raw", "zstd", "zstd_7", "gz"])
    func fixtures(_ name: String) throws {
        let expected = try lines(SharedData.packageRoot + "/Tests/Reference/mds_fixtures.jsonl")
        let data = try MDSDataset(directory: SharedData.root + "/mds-fixtures/" + name)
        try #require(data.count == expected.count)
        for index in 0..<data.count {
            #expect(normal(try data.sample(at: index).display()) == expected[index])
        }
    }

    @Test(
        "every sample of a real data set equals its published text",
        .enabled(if: SharedData.isPresent, Comment(rawValue: SharedData.reason)))
    func real() throws {
        let expected = try lines(SharedData.root + "/mds-real/expected.jsonl")
        let data = try MDSDataset(directory: SharedData.root + "/mds-real")
        try #require(data.count == expected.count)
        for index in 0..<data.count {
            #expect(normal(try data.sample(at: index).display()) == expected[index])
        }
    }

    @Test(
        "a compression that cannot be read is refused with the list of those that can",
        .enabled(if: SharedData.isPresent, Comment(rawValue: SharedData.reason)), arguments: ["br", "bz2", "snappy"])
    func unsupported(_ name: String) throws {
        let directory = SharedData.root + "/mds-fixtures/" + name
        #expect {
            try MDSDataset(directory: directory)
        } throws: { error in
            "\(error)".contains("supported are zstd, gz and none") && "\(error)".contains(directory)
        }
    }
}
