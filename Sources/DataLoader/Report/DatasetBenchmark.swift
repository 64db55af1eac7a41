internal import Foundation

/// How fast one process reads a data set through the loader: the answer of `data bench`.
public struct DatasetBenchmark: Codable, Sendable, Hashable {
    /// Samples read.
    public let samples: Int
    /// Seconds from the first request to the last sample.
    public let seconds: Double
    /// Samples a second.
    public let samplesPerSecond: Double
    /// Integers of array columns (token ids) a second; 0 when there is no such column.
    public let tokensPerSecond: Double
    /// Bytes of values a second, all columns.
    public let bytesPerSecond: Double
    /// Seconds spent waiting for data, the consumer doing nothing but adding up token ids.
    public let waitSeconds: Double
    /// The most memory that the process had resident until the end, in bytes.
    public let residentBytes: Int

    /// Reads the data set in `directory` in stored order, once or until `secondsLimit`, and looks at every token.
    ///
    /// Shards of more than 8 MiB are opened one at a time, smaller ones are read ahead: so memory stays at about one
    /// shard or 24 MiB.
    public init(directory: String, secondsLimit: Double = 30) throws {
        let data = try MDSDataset(directory: directory, options: .init(memoryLimit: 16 << 20))
        let isLarge = data.index.shards.contains { $0.raw.byteCount > 8 << 20 }
        let loader = try Loader(
            OrderedSource(data), batchSize: isLarge ? 1 : 64, end: data.count, prefetchedBatches: isLarge ? 0 : 4)
        let clock = ContinuousClock()
        let started = clock.now
        var (samples, tokens, bytes) = (0, 0, 0)
        var sum: UInt64 = 0
        while !loader.isAtEnd, (clock.now - started) / .seconds(1) < secondsLimit {
            for sample in try loader.next() {
                samples += 1
                for column in sample.columns {
                    bytes += column.bytes.count
                    guard case .array = column.encoding else { continue }
                    let layout = try column.arrayLayout()
                    tokens += layout.type.isFloatingPoint ? 0 : layout.values.count / layout.type.byteCount
                    sum &+= column.sumOfWords(in: layout.values)
                }
            }
        }
        let elapsed = max((clock.now - started) / .seconds(1), .leastNormalMagnitude)
        withExtendedLifetime(sum) {}
        self.samples = samples
        seconds = elapsed
        samplesPerSecond = Double(samples) / elapsed
        tokensPerSecond = Double(tokens) / elapsed
        bytesPerSecond = Double(bytes) / elapsed
        waitSeconds = loader.waitSeconds
        residentBytes = DatasetBenchmark.peakResidentBytes()
    }

    /// The high-water mark of resident memory; Linux counts in KiB, macOS in bytes.
    static func peakResidentBytes() -> Int {
        var usage = rusage()
        #if os(Linux)
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return Int(usage.ru_maxrss) << 10
        #else
            getrusage(RUSAGE_SELF, &usage)
            return Int(usage.ru_maxrss)
        #endif
    }
}

extension Column {
    /// Touches every byte of `range`, as a consumer that uses all token ids does.
    fileprivate func sumOfWords(in range: Range<Int>) -> UInt64 {
        bytes.withUnsafeBytes { raw in
            var sum: UInt64 = 0
            for offset in stride(from: range.lowerBound, to: range.upperBound - 7, by: 8) {
                sum &+= raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            }
            return sum
        }
    }
}
