import Core
import Dispatch
import Foundation
import Synchronization
import Testing

// R ranks, n elements

@Suite struct CommunicatorTests {
    /// Element i of rank r.
    private static func value(_ rank: Int, _ index: Int) -> Double { Double((rank * 37 + index * 11) % 101) - 50 }

    private static func line(_ mesh: Mesh, _ count: Int, _ dtype: DType) -> Tensor {
        mesh.runtime.tensor((0..<count).map { value(mesh.rank, $0) }, [count], dtype)
    }

    /// Sizes on both sides of what is sent whole, and that no part divides.
    @Test(arguments: [1, 2, 3, 5], [0, 1, 7, 4099, 20_000])
    func `an all-reduce gives every rank the sum and the maximum`(ranks: Int, count: Int) throws {
        for dtype in [DType.float64, .float32, .int32] {
            let results = try Loopback.run(ranks: ranks) { mesh in
                let (sum, largest) = (Self.line(mesh, count, dtype), Self.line(mesh, count, dtype))
                mesh.world.run(.allReduce(sum))
                mesh.world.run(.allReduce(largest, .maximum))
                try mesh.link.check()
                return [sum.doubles(), largest.doubles()]
            }
            let sums = (0..<count).map { index in (0..<ranks).reduce(0) { $0 + Self.value($1, index) } }
            let maxima = (0..<count).map { index in (0..<ranks).map { Self.value($0, index) }.max() ?? 0 }
            #expect(results == Array(repeating: [sums, maxima], count: ranks))
        }
    }

    @Test func `a sum of bfloat16 is rounded once`() throws {
        let results = try Loopback.run(
            MeshShape([.data: 3]), runtime: { Runtime(CPUBackend(threads: 1)) }
        ) { mesh in
            // 256 + 1 + 1: added one by one in bfloat16, each 1 would be lost.
            let x = mesh.runtime.tensor([mesh.rank == 0 ? 256 : 1], [1], .bfloat16)
            mesh.world.run(.allReduce(x))
            return x.doubles()
        }
        #expect(results == [[258], [258], [258]])
    }

    @Test(arguments: [1, 2, 4])
    func `parts are scattered, gathered and exchanged`(ranks: Int) throws {
        let each = 6
        let results = try Loopback.run(ranks: ranks) { mesh in
            let (world, runtime) = (mesh.world, mesh.runtime)
            let whole = Self.line(mesh, each * ranks, .float64)
            let (part, gathered) = (runtime.empty([2, 3], .float64), runtime.empty([each * ranks], .float64))
            let exchanged = runtime.empty([each * ranks], .float64)
            // All under way at once.
            let started = [
                world.start(.reduceScatter(whole, into: part)), world.start(.allToAll(whole, into: exchanged)),
            ]
            for pending in started { pending.finish() }
            world.run(.allGather(part, into: gathered))
            try mesh.link.check()
            return [part.doubles(), gathered.doubles(), exchanged.doubles()]
        }
        let sums = (0..<each * ranks).map { index in (0..<ranks).reduce(0) { $0 + Self.value($1, index) } }
        for (rank, result) in results.enumerated() {
            #expect(result[0] == Array(sums[rank * each..<(rank + 1) * each]))
            #expect(result[1] == sums)
            #expect(result[2] == (0..<ranks).flatMap { from in (0..<each).map { Self.value(from, rank * each + $0) } })
        }
    }

    /// Rank r sends (r + to) % 3 elements: some parts are empty.
    @Test(arguments: [1, 2, 4])
    func `parts of different sizes are exchanged, empty ones too`(ranks: Int) throws {
        @Sendable func count(_ from: Int, _ to: Int) -> Int { (from + to) % 3 }
        let results = try Loopback.run(ranks: ranks) { mesh in
            mesh.link.checksOrder = true
            let sent = (0..<ranks).map { count(mesh.rank, $0) }
            let received = (0..<ranks).map { count($0, mesh.rank) }
            let from = Self.line(mesh, sent.reduce(0, +), .float32)
            let into = mesh.runtime.empty([received.reduce(0, +)], .float32)
            mesh.world.run(.allToAllOfParts(from, sent: sent, into: into, received: received))
            try mesh.link.check()
            return into.doubles()
        }
        for (rank, result) in results.enumerated() {
            let expected = (0..<ranks).flatMap { from -> [Double] in
                let start = (0..<rank).reduce(0) { $0 + count(from, $1) }
                return (start..<start + count(from, rank)).map { Self.value(from, $0) }
            }
            #expect(result == expected)
        }
    }

    @Test func `messages find their channel in whatever order they are awaited`() throws {
        let results = try Loopback.run(ranks: 2) { mesh in
            let (world, runtime) = (mesh.world, mesh.runtime)
            if mesh.rank == 0 {
                let pending = (1...3).map { world.start(.send(runtime.full([4], .float32, Double($0)), to: 1, channel: Int32($0))) }
                for message in pending { message.finish() }
                return [0.0]
            }
            let arrived = (1...3).map { _ in runtime.zeros([4], .float32) }
            let pending = arrived.enumerated().map { world.start(.receive($1, from: 0, channel: Int32($0 + 1))) }
            for message in pending.reversed() { message.finish() }
            try mesh.link.check()
            return arrived.flatMap { $0.doubles() }
        }
        #expect(results[1] == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3])
    }

    @Test func `host values are gathered, summed and broadcast`() throws {
        let results = try Loopback.run(ranks: 3) { mesh in
            let bytes = try mesh.world.gather([UInt8](repeating: 7, count: mesh.rank * 2))
            let root = try mesh.world.broadcast([UInt8(mesh.rank + 5)], from: 1)
            let sum = try mesh.world.sum([Double(mesh.rank), 0.1])
            try mesh.world.barrier()
            return bytes.map { Double($0.count) } + sum + [Double(root[0])]
        }
        #expect(results == Array(repeating: [0, 2, 4, 3, 0.1 + 0.1 + 0.1, 6], count: 3))
    }

    @Test func `ranks that do different things find out`() {
        #expect {
            _ = try Loopback.run(ranks: 2) { mesh in
                let x = mesh.runtime.zeros([8], .float32)
                mesh.world.run(mesh.rank == 0 ? .allReduce(x) : .broadcast(x, root: 1))
                try mesh.link.check()
            }
        } throws: { error in
            "\(error)".contains("is at the all-reduce of 8 float32, number 0, and rank 1 at the broadcast of 8 float32")
        }
    }

    @Test func `order is compared beforehand where that is asked for`() {
        #expect {
            _ = try Loopback.run(ranks: 3) { mesh in
                mesh.link.checksOrder = true
                let x = mesh.runtime.zeros([8], .float32)
                mesh.world.run(.allReduce(x))
                try mesh.link.check()
                mesh.world.run(mesh.rank == 2 ? .broadcast(x, root: 0) : .allReduce(x))
                try mesh.link.check()
            }
        } throws: { error in
            guard let mismatch = error as? CollectiveMismatch else { return false }
            return mismatch.mine.kind != mismatch.theirs.kind && mismatch.mine.sequence == 1
        }
    }

    @Test func `a rank that ends ends the others, and its own error is what is reported`() {
        struct Broken: Error {}
        #expect(throws: PeerLost.self) {
            _ = try Loopback.run(ranks: 3) { mesh in
                if mesh.rank == 1 { return }
                try mesh.world.barrier()
            }
        }
        #expect(throws: Broken.self) {
            _ = try Loopback.run(ranks: 3) { mesh in
                if mesh.rank == 1 { throw Broken() }
                try mesh.world.barrier()
            }
        }
    }

    @Test func `a message that its sender holds no more arrives all the same`() throws {
        let results = try Loopback.run(ranks: 2) { mesh in
            let count = 1 << 16
            if mesh.rank == 0 {
                _ = mesh.world.start(.send(mesh.runtime.full([count], .float32, 7), to: 1, channel: 1))
                // Would take the place of what is on its way.
                let other = mesh.runtime.full([count], .float32, 3)
                try mesh.world.barrier()
                return other.floats() == [Float](repeating: 3, count: count)
            }
            let x = mesh.runtime.zeros([count], .float32)
            mesh.world.run(.receive(x, from: 0, channel: 1))
            try mesh.world.barrier()
            return x.floats() == [Float](repeating: 7, count: count)
        }
        #expect(results == [true, true])
    }

    @Test func `what nobody has taken when its sender ends is lost, and not read any more`() {
        let isLeaving = DispatchSemaphore(value: 0)
        #expect(throws: PeerLost.self) {
            _ = try Loopback.run(ranks: 2) { mesh in
                let x = mesh.runtime.full([8], .float32, 1)
                if mesh.rank == 0 {
                    _ = mesh.world.start(.send(x, to: 1, channel: 1))
                    isLeaving.signal()
                    return
                }
                isLeaving.wait()
                Thread.sleep(forTimeInterval: 0.2)
                mesh.world.run(.receive(x, from: 0, channel: 1))
                try mesh.link.check()
            }
        }
    }

    @Test func `a rank that does not arrive is named, and later collectives return at once`() {
        let isDone = DispatchSemaphore(value: 0)
        #expect {
            _ = try Loopback.run(MeshShape([.data: 2]), timeout: 0.05) { mesh in
                let x = mesh.runtime.zeros([8], .float32)
                if mesh.rank == 0 {
                    defer { isDone.signal() }
                    mesh.world.run(.allReduce(x))
                    // Nothing waits any more.
                    mesh.world.run(.allReduce(x))
                    #expect(mesh.link.recorder.text().hasSuffix("all-reduce of [8] float32, number 1 along data (not done)"))
                    try mesh.link.check()
                } else {
                    isDone.wait()
                }
            }
        } throws: { error in
            "\(error)"
                == "rank 0 has waited 0.05 seconds in the all-reduce of [8] float32, number 0 along data, where rank 1 has not arrived"
        }
    }

    @Test func `every rank that waits says where and for whom, before any gives up`() {
        let isDone = DispatchSemaphore(value: 0)
        let said = Mutex<[String]>([])
        #expect(throws: StalledCollective.self) {
            _ = try Loopback.run(MeshShape([.data: 2, .tensor: 2]), timeout: 2) { mesh in
                mesh.link.onStall = { stall in said.withLock { $0.append("\(stall)") } }
                if mesh.rank == 3 {
                    for _ in 0..<3 { isDone.wait() }
                    return
                }
                defer { isDone.signal() }
                let x = mesh.runtime.zeros([2, 4], .float32)
                mesh.along(.data).run(.allReduce(x))
                mesh.along(.tensor).run(.allGather(x, into: mesh.runtime.zeros([4, 4], .float32)))
                try mesh.link.check()
            }
        }
        // Rank 1 waits for rank 3 along data; the others have passed there, and wait along tensor.
        let (data, tensor) = (
            "all-reduce of [2, 4] float32, number 0 along data", "all-gather of [4, 4] float32, number 0 along tensor")
        let expected: [String] = [
            "rank 0 has waited 0.2 seconds in the \(tensor), where rank 1 has not arrived",
            "rank 1 has waited 0.2 seconds in the \(data), where rank 3 has not arrived",
            "rank 2 has waited 0.2 seconds in the \(tensor), where rank 3 has not arrived",
        ]
        let sentences = said.withLock { $0.sorted() }
        #expect(sentences == expected)
    }

    @Test func `a root names all whom it waits for`() {
        let isDone = DispatchSemaphore(value: 0)
        #expect {
            _ = try Loopback.run(MeshShape([.data: 4]), timeout: 0.1) { mesh in
                guard mesh.rank == 1 else { return isDone.wait() }
                defer { for _ in 0..<3 { isDone.signal() } }
                mesh.world.run(.broadcast(mesh.runtime.zeros([8], .float32), root: 1))
                try mesh.link.check()
            }
        } throws: { error in
            "\(error)".hasSuffix("in the broadcast of [8] float32, number 0 along data, where ranks 0, 2 and 3 have not arrived")
        }
    }
}
