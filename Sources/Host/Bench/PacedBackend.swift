import Core
import Foundation

/// A backend whose matrix products take a time that is given by their work: a device that computes for so long while this
/// process sleeps, so that many such devices need no cores of their own.
final class PacedBackend: Backend {
    /// Products with a dimension of this size take no longer than they do.
    private let exempt: Int
    private let inner: CPUBackend
    /// How long a product takes for each of its FLOPs.
    var secondsPerFLOP = 0.0
    /// FLOPs of the products so far.
    private(set) var flopCount = 0

    /// - Parameters:
    ///   - threads: of the backend that computes the results.
    ///   - exempt: see the property.
    init(threads: Int, exempt: Int) {
        self.exempt = exempt
        inner = CPUBackend(threads: threads)
    }

    var capabilities: Capabilities { inner.capabilities }
    func allocate(byteCount: Int) -> Buffer { inner.allocate(byteCount: byteCount) }
    func copy(_ transfer: Transfer) { inner.copy(transfer) }
    func supports(_ operation: Core.Operation) -> Bool { inner.supports(operation) }
    func synchronize() { inner.synchronize() }

    func run(_ operation: Core.Operation) {
        guard case .matmul(let product) = operation, !(product.a.shape + product.b.shape).contains(exempt) else {
            return inner.run(operation)
        }
        let start = ContinuousClock.now
        inner.run(operation)
        inner.synchronize()
        let flops = 2 * product.c.shape.reduce(1, *) * (product.a.shape.last ?? 0)
        let rest = Double(flops) * secondsPerFLOP - (ContinuousClock.now - start) / .seconds(1)
        if rest > 0 { Thread.sleep(forTimeInterval: rest) }
        flopCount += flops
    }
}
