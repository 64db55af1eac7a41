/// A hash table from byte strings to integers that never allocates on a lookup.
///
/// Keys lie one after another in an arena; slots are probed linearly and at most half full. Nothing is ever removed
/// but all at once.
struct ByteMap: Sendable {
    private struct Slot {
        var hash: UInt64 = 0
        var start: UInt32 = 0
        /// Length of the key plus one; zero marks a free slot.
        var lengthPlusOne: UInt32 = 0
        var value: Int = 0
    }

    private var slots: [Slot]
    private var keys: [UInt8] = []
    private(set) var count = 0

    init(minimumCapacity: Int = 16) {
        slots = Array(repeating: Slot(), count: (max(8, minimumCapacity) * 2).nextPowerOfTwo)
    }

    /// The bytes that the keys take up.
    var keyBytes: Int { keys.count }

    /// The value of a key and the hash that `insert` accepts back.
    @inline(__always)
    func find(_ key: UnsafeBufferPointer<UInt8>) -> (value: Int?, hash: UInt64) {
        let hash = ByteMap.hash(key)
        return (value(of: key, hash: hash), hash)
    }

    subscript(key: String) -> Int? {
        var key = key
        return key.withUTF8 { find($0).value }
    }

    @inline(__always)
    private func value(of key: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int? {
        let mask = slots.count - 1
        return slots.withUnsafeBufferPointer { slots in
            keys.withUnsafeBufferPointer { keys in
                var index = Int(truncatingIfNeeded: hash) & mask
                while true {
                    let slot = slots[index]
                    if slot.lengthPlusOne == 0 { return nil }
                    if slot.hash == hash, Int(slot.lengthPlusOne) == key.count + 1,
                        ByteMap.equal(keys, Int(slot.start), key)
                    {
                        return slot.value
                    }
                    index = (index + 1) & mask
                }
            }
        }
    }

    @inline(__always)
    private static func equal(
        _ keys: UnsafeBufferPointer<UInt8>, _ start: Int, _ key: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        for index in 0..<key.count where keys[start + index] != key[index] { return false }
        return true
    }

    /// Adds a key that is not there yet.
    mutating func insert(_ key: UnsafeBufferPointer<UInt8>, hash: UInt64, value: Int) {
        if 2 * (count + 1) > slots.count { grow() }
        let slot = Slot(
            hash: hash, start: UInt32(keys.count), lengthPlusOne: UInt32(key.count + 1), value: value)
        keys.append(contentsOf: key)
        place(slot)
        count += 1
    }

    /// Sets the value of a key, new or not, and returns the value it had.
    @discardableResult
    mutating func update(_ key: UnsafeBufferPointer<UInt8>, value: Int) -> Int? {
        let hash = ByteMap.hash(key)
        var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[index].lengthPlusOne != 0 {
            let slot = slots[index]
            let matches = slot.hash == hash && Int(slot.lengthPlusOne) == key.count + 1
                && keys.withUnsafeBufferPointer { ByteMap.equal($0, Int(slot.start), key) }
            if matches {
                slots[index].value = value
                return slot.value
            }
            index = (index + 1) & (slots.count - 1)
        }
        insert(key, hash: hash, value: value)
        return nil
    }

    /// Calls `body` with every key and value, in the order of insertion.
    func forEach(_ body: (UnsafeBufferPointer<UInt8>, Int) -> Void) {
        let used = slots.filter { $0.lengthPlusOne > 0 }.sorted { $0.start < $1.start }
        keys.withUnsafeBufferPointer { keys in
            for slot in used {
                let range = Int(slot.start)..<(Int(slot.start) + Int(slot.lengthPlusOne) - 1)
                body(UnsafeBufferPointer(rebasing: keys[range]), slot.value)
            }
        }
    }

    /// Forgets every key but keeps the memory.
    mutating func removeAll() {
        for index in slots.indices { slots[index].lengthPlusOne = 0 }
        keys.removeAll(keepingCapacity: true)
        count = 0
    }

    private mutating func place(_ slot: Slot) {
        var index = Int(truncatingIfNeeded: slot.hash) & (slots.count - 1)
        while slots[index].lengthPlusOne != 0 { index = (index + 1) & (slots.count - 1) }
        slots[index] = slot
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Slot(), count: old.count * 2)
        for slot in old where slot.lengthPlusOne != 0 { place(slot) }
    }

    /// Eight bytes at a time, multiplied and folded; the length is mixed in first.
    @inline(__always)
    static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: key.count) &* 0x9E37_79B9_7F4A_7C15
        guard let base = UnsafeRawPointer(key.baseAddress) else { return hash }
        var offset = 0
        while offset + 8 <= key.count {
            hash = mixed(hash, base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < key.count {
            rest = rest << 8 | UInt64(base.load(fromByteOffset: offset, as: UInt8.self))
            offset += 1
        }
        return mixed(hash, rest)
    }

    @inline(__always)
    private static func mixed(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low
    }
}

extension Int {
    /// The smallest power of two that is not below the receiver.
    var nextPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
