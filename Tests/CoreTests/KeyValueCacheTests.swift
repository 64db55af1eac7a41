import Core
import Testing

@Suite struct KeyValueCacheTests {
    private let runtime = Runtime(ReferenceBackend())

    private func cache(blockSize: Int = 4) -> KeyValueCache {
        let configuration = DecoderConfiguration(
            vocabularySize: 5, width: 4, mlpWidth: 4, headCount: 2, keyValueHeadCount: 2, headSize: 2, positionCount: 64,
            positions: .learned, layers: [.init()])
        return KeyValueCache(configuration, .float64, runtime, blockSize: blockSize)
    }

    @Test("memory follows the tokens in use")
    func blocks() {
        let cache = cache()
        var (a, b) = (CachedSequence(), CachedSequence())
        cache.extend(&a, by: 5)
        #expect(cache.usedBlockCount == 2)
        cache.extend(&a, by: 3)
        #expect(cache.usedBlockCount == 2 && a.length == 8)
        cache.extend(&b, by: 1)
        #expect(cache.usedBlockCount == 3)
        cache.release(a)
        #expect(cache.usedBlockCount == 1)
        let before = cache.blockCount
        cache.extend(&b, by: 8)
        // Freed blocks are taken before there are new ones.
        #expect(cache.usedBlockCount == 3 && cache.blockCount == before)
    }

    @Test("a shared prompt is held once, and its last block is copied by those who write into it")
    func sharing() {
        let cache = cache()
        var prompt = CachedSequence()
        cache.extend(&prompt, by: 6)
        var samples = (0..<3).map { _ in cache.share(prompt) }
        cache.release(prompt)
        #expect(cache.usedBlockCount == 2)
        cache.extend(&samples[0], by: 1)
        #expect(cache.usedBlockCount == 3)
        cache.extend(&samples[1], by: 1)
        #expect(cache.usedBlockCount == 4)
        // The last holder writes where the block lies.
        cache.extend(&samples[2], by: 1)
        #expect(cache.usedBlockCount == 4)
        for sample in samples { cache.release(sample) }
        #expect(cache.usedBlockCount == 0)
    }

    @Test("a prompt that fills its blocks is continued in new ones")
    func fullBlocks() {
        let cache = cache()
        var prompt = CachedSequence()
        cache.extend(&prompt, by: 8)
        var sample = cache.share(prompt)
        cache.extend(&sample, by: 1)
        #expect(cache.usedBlockCount == 3)
        cache.release(prompt)
        #expect(cache.usedBlockCount == 3)
        cache.release(sample)
        #expect(cache.usedBlockCount == 0)
    }
}
