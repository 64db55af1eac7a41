import Core
import Host
import PluginAPI
import Testing

@Suite struct RankAgreementTests {
    @Test func `two ranks with different plugins stop before the first step`() throws {
        let agree = TestPlugins.flat("core.scheduler.flat")
        let differ = TestPlugins.flat("core.scheduler.flat", version: "0.2.0")
        let same = try Loopback.run(ranks: 2) { communicator in
            let registry = try RegistryBuilder(TestPlugins.catalog([agree])).build()
            try PluginLock.checkAgreement(communicator.gather(registry.resolvedSet.digest))
            return communicator.rank
        }
        #expect(same == [0, 1])
        do {
            _ = try Loopback.run(ranks: 2) { communicator in
                let plugin = communicator.rank == 0 ? agree : differ
                let registry = try RegistryBuilder(TestPlugins.catalog([plugin])).build()
                try PluginLock.checkAgreement(communicator.gather(registry.resolvedSet.digest))
            }
            Issue.record("the ranks went on")
        } catch let error as PluginError {
            #expect(error.code == .rankDisagreement)
            #expect(error.message == "rank 1 has other plugins than rank 0 (2 ranks)")
        }
    }

    @Test func `sums are the same bits on every rank, and a lost rank ends the others`() throws {
        let sums = try Loopback.run(ranks: 3) { communicator in
            try communicator.barrier()
            let root = try communicator.broadcast([UInt8(communicator.rank + 5)], from: 1)
            let sum = try communicator.sum([Double(communicator.rank), 0.1])
            return sum + [Double(root[0])]
        }
        #expect(sums == Array(repeating: [3, 0.1 + 0.1 + 0.1, 6], count: 3))
        #expect(throws: PeerLost.self) {
            _ = try Loopback.run(ranks: 2) { communicator in
                if communicator.rank == 1 { return }
                try communicator.barrier()
            }
        }
    }
}
