/// A hash table from pairs of token ids to values; slots are probed linearly and at most half full.
struct PairMap<Value: Sendable>: Sendable {
    private var slots: [(key: UInt64, value: Value)]
    private let unset: Value
    private(set) var count = 0

    /// A table that answers `unset` for every pair that has no value.
    init(unset: Value, minimumCapacity: Int = 16) {
        self.unset = unset
        slots = Array(repeating: (PairMap.free, unset), count: (max(8, minimumCapacity) * 2).nextPowerOfTwo)
    }

    /// No pair of non-negative ids has this key.
    private static var free: UInt64 { .max }

    /// The one number that stands for a pair; numbers order as pairs do.
    @inline(__always)
    static func key(_ first: Int32, _ second: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: first)) << 32 | UInt64(UInt32(bitPattern: second))
    }

    subscript(first: Int32, second: Int32) -> Value {
        @inline(__always) get { self[PairMap.key(first, second)] }
        set { self[PairMap.key(first, second)] = newValue }
    }

    subscript(key: UInt64) -> Value {
        @inline(__always) get {
            slots.withUnsafeBufferPointer { slots in
                let slot = slots[PairMap.index(of: key, in: slots)]
                return slot.key == key ? slot.value : unset
            }
        }
        set {
            if 2 * (count + 1) > slots.count { grow() }
            let index = slots.withUnsafeBufferPointer { PairMap.index(of: key, in: $0) }
            if slots[index].key == PairMap.free { count += 1 }
            slots[index] = (key, newValue)
        }
    }

    /// Calls `body` with every key and value, in no particular order.
    func forEach(_ body: (UInt64, Value) -> Void) {
        for slot in slots where slot.key != PairMap.free { body(slot.key, slot.value) }
    }

    /// The slot that holds a key or would take it.
    @inline(__always)
    private static func index(of key: UInt64, in slots: UnsafeBufferPointer<(key: UInt64, value: Value)>) -> Int {
        let product = (key ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        var index = Int(truncatingIfNeeded: product.high ^ product.low) & (slots.count - 1)
        while slots[index].key != key && slots[index].key != free { index = (index + 1) & (slots.count - 1) }
        return index
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: (PairMap.free, unset), count: old.count * 2)
        slots.withUnsafeMutableBufferPointer { slots in
            for slot in old where slot.key != PairMap.free {
                slots[PairMap.index(of: slot.key, in: UnsafeBufferPointer(slots))] = slot
            }
        }
    }
}
