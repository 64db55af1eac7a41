import Core
import Host
import PluginAPI
import Testing

@Suite struct RankAgreementTests {
    @Test func `two ranks with different plugins stop before the first step`() throws {
        let agree = TestPlugins.flat("core.scheduler.flat")
        let differ = TestPlugins.flat("core.scheduler.flat", version: "0.2.0")
        let same = try Loopback.run(ranks: 2) { mesh in
            let registry = try RegistryBuilder(TestPlugins.catalog([agree])).build()
            try PluginLock.checkAgreement(mesh.world.gather(registry.resolvedSet.digest))
            return mesh.rank
        }
        #expect(same == [0, 1])
        do {
            _ = try Loopback.run(ranks: 2) { mesh in
                let plugin = mesh.rank == 0 ? agree : differ
                let registry = try RegistryBuilder(TestPlugins.catalog([plugin])).build()
                try PluginLock.checkAgreement(mesh.world.gather(registry.resolvedSet.digest))
            }
            Issue.record("the ranks went on")
        } catch let error as PluginError {
            #expect(error.code == .rankDisagreement)
            #expect(error.message == "rank 1 has other plugins than rank 0 (2 ranks)")
        }
    }
}
