internal import JSON

/// The shards of an index, parsed from its text when asked for: 8 bytes a shard, however much the text says of each.
public struct MDSShards: RandomAccessCollection, Sendable {
    private let text: IndexText
    /// Where each shard's object begins; every one of them was checked when the index was read.
    private let offsets: [Int]

    init(_ text: IndexText, offsets: [Int]) {
        self.text = text
        self.offsets = offsets
    }

    /// 0.
    public var startIndex: Int { 0 }

    /// The number of shards.
    public var endIndex: Int { offsets.count }

    /// Shard `number`.
    public subscript(number: Int) -> MDSShard {
        let shard = text.withUnsafeBytes { bytes -> MDSShard? in
            var parser = JSONParser(UnsafeRawBufferPointer(rebasing: bytes[offsets[number]...]))
            var problems: [String] = []
            guard case .success(let object) = Result(catching: { () throws(JSONError) in try parser.value() }) else {
                return nil
            }
            return MDSIndexReader.shard(object, &problems)
        }
        guard let shard else { fatalError("shard \(number) was checked when the index was read") }
        return shard
    }
}
