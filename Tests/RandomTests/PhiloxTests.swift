import Random
import Testing

@Suite struct PhiloxTests {
    @Test("known answers of the Random123 distribution")
    func knownAnswers() {
        #expect(Philox(seed: 0, stream: 0).block(at: 0) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
        #expect(
            Philox(seed: .max, stream: UInt64.max).block(at: .max)
                == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
        #expect(
            Philox(seed: 0x299f_31d0_a409_3822, stream: 0x0370_7344_1319_8a2e as UInt64).block(at: 0x85a3_08d3_243f_6a88)
                == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
    }

    @Test("normal numbers have mean 0 and variance 1")
    func normalMoments() {
        let source = Philox(seed: 7, stream: "moments")
        let values = (0..<100_000).map { source.normal(at: $0) }
        let mean = values.reduce(0, +) / 100_000
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 100_000
        #expect(abs(mean) < 0.01)
        #expect(abs(variance - 1) < 0.02)
    }

    @Test("streams and seeds are independent")
    func independence() {
        let a = Philox(seed: 1, stream: "a")
        #expect(a.bits(at: 0) != Philox(seed: 1, stream: "b").bits(at: 0))
        #expect(a.bits(at: 0) != Philox(seed: 2, stream: "a").bits(at: 0))
        #expect((0..<1000).allSatisfy { a.integer(at: $0, below: 7) < 7 })
    }
}
