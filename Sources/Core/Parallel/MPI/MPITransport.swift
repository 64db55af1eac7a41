import CKernels
import Foundation

/// Ranks as processes that `mpirun` started, through Open MPI.
///
/// Open MPI is called by the small library libForktailMPI.so of this package, which is opened here and nowhere else.
public final class MPITransport: Transport {
    public let rank: Int
    public let rankCount: Int
    /// The library's name and version.
    public let version: String
    private let mpi: UnsafePointer<ck_mpi_table>
    private var open: [MessageNumber: (peer: Int, isReceived: Bool)] = [:]
    private var problem: String { MPITransport.text(mpi.pointee.problem()) }

    /// Joins the processes that were started together; once per process.
    /// - Throws: `TransportProblem`.
    public init() throws {
        let name = "libForktailMPI.so"
        // Open MPI's own plugins look for its symbols among the global ones.
        guard let handle = dlopen(name, RTLD_NOW | RTLD_GLOBAL) else {
            throw TransportProblem(dlerror().map { String(cString: $0) } ?? "\(name) cannot be opened")
        }
        guard let symbol = dlsym(handle, "forktail_mpi"),
            // The declaration of the function in ForktailMPI.h.
            let table = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<ck_mpi_table>?).self)(),
            table.pointee.format == Int32(CK_MPI_FORMAT)
        else { throw TransportProblem("\(name) belongs to another release") }
        var (rank, count): (Int32, Int32) = (0, 0)
        guard table.pointee.start(&rank, &count) != 0 else {
            throw TransportProblem(MPITransport.text(table.pointee.problem()))
        }
        (self.rank, rankCount, mpi) = (Int(rank), Int(count), table)
        version = MPITransport.text(table.pointee.version())
    }

    public func send(_ bytes: UnsafeRawBufferPointer, to peer: Int, _ envelope: Envelope) -> MessageNumber {
        opened(mpi.pointee.send(bytes.baseAddress, Int64(bytes.count), Int32(peer), tag(envelope)), peer, isReceived: false)
    }

    public func receive(
        _ bytes: UnsafeMutableRawBufferPointer, from peer: Int, _ envelope: Envelope
    ) -> MessageNumber {
        opened(
            mpi.pointee.receive(bytes.baseAddress, Int64(bytes.count), Int32(peer), tag(envelope)), peer, isReceived: true)
    }

    public func wait(for messages: [MessageNumber], timeout: Double) throws {
        // A message that could not be started has no number of MPI's.
        guard messages.allSatisfy({ $0.value > 0 }) else { throw TransportProblem(problem) }
        var numbers = messages.filter { open[$0] != nil }.map { Int64($0.value) }
        while !numbers.isEmpty {
            let done = mpi.pointee.wait(&numbers, Int32(numbers.count), timeout)
            if done < 0 { throw TransportProblem(problem) }
            if done == 0 { throw silence(numbers, timeout) }
            numbers.removeAll { $0 == 0 }
        }
        for message in messages { open[message] = nil }
    }

    /// Leaves the other processes, who must leave too; nothing may be under way.
    public func finish() { mpi.pointee.finish() }

    /// Ends all processes.
    public func abort(status: Int32) { mpi.pointee.abort(status) }

    private func opened(_ number: Int64, _ peer: Int, isReceived: Bool) -> MessageNumber {
        let message = MessageNumber(Int(number))
        open[message] = (peer, isReceived)
        return message
    }

    /// Whoever has sent nothing has not arrived; where everything has come, whoever has taken nothing.
    private func silence(_ numbers: [Int64], _ seconds: Double) -> PeerSilent {
        let waiting = numbers.compactMap { open[MessageNumber(Int($0))] }
        let senders = Set(waiting.filter(\.isReceived).map(\.peer))
        return PeerSilent(ranks: Array(senders.isEmpty ? Set(waiting.map(\.peer)) : senders), seconds: seconds)
    }

    private static func text(_ words: UnsafePointer<CChar>?) -> String { words.map { String(cString: $0) } ?? "" }

    private func tag(_ envelope: Envelope) -> Int32 { envelope.tag.channel * 4096 + envelope.tag.communicator }
}

/// Ranks cannot talk to each other.
public struct TransportProblem: Error, Sendable, CustomStringConvertible {
    /// What the library said.
    public let reason: String

    public init(_ reason: String) { self.reason = reason }

    public var description: String { "MPI: \(reason)" }
}
