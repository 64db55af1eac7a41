import CKernels
import Random

/// Runs operations on the cores of this machine: inner loops in C for three levels of x86-64, one thread pool, matrix
/// products by the library that a table names for them. Calls return when the work is done.
///
/// Results are the same bits from run to run on one machine with the same number of threads and the same
/// `ProductChoices`.
public final class CPUBackend: Backend {
    let pool: ThreadPool
    let allocator: CachingAllocator
    let products: ProductChoices
    var compiled: [CompiledProgram.Key: CompiledProgram] = [:]

    /// - Parameters:
    ///   - threads: how many threads share an operation, the caller's included; at least 1.
    ///   - products: names the libraries of matrix products.
    ///   - notice: receives a sentence about every library that is named and missing.
    public convenience init(
        threads: Int, products table: ProductTable = .builtIn, notice: (String) -> Void = { _ in }
    ) {
        let products = ProductChoices(table)
        products.notices.forEach(notice)
        self.init(threads: threads, products: products)
    }

    /// With a choice of how matrix products are taken, and of where memory comes from.
    package init(threads: Int, products: ProductChoices, blocks: any BlockSource = SystemBlocks()) {
        pool = ThreadPool(threadCount: threads)
        allocator = CachingAllocator(blocks)
        self.products = products
    }

    /// One that leaves all work undone and takes memory as the real one does, see `CountingBackend`.
    init(idleThreads: Int, products table: ProductTable, allocator: CachingAllocator) {
        pool = ThreadPool(idleThreads: idleThreads)
        self.allocator = allocator
        products = ProductChoices(table)
    }

    /// Element types for which this CPU has 512-bit products.
    var panelTypes: [DType] { products.libraries.panelTypes }

    public var capabilities: Capabilities {
        Capabilities(
            name: "cpu", fastTypes: products.fastTypes, usesHostMemory: true, threadCount: pool.threadCount,
            usedByteCount: allocator.usedByteCount, peakByteCount: allocator.peakByteCount, products: products)
    }

    public func allocate(byteCount: Int) -> Buffer { allocator.allocate(byteCount) }

    public func copy(_ transfer: Transfer) { HostMemory.copy(transfer) }

    public func supports(_ operation: Operation) -> Bool {
        switch operation {
        case .fill, .copy, .sum: true
        case .map(_, let inputs, let outputs, _): (inputs + outputs).allSatisfy { $0.dtype != .float64 }
        case .matmul(let product): [product.a, product.b, product.c].allSatisfy { $0.dtype.isSingle }
        case .gather(_, let indices, _): indices.dtype == .int32
        case .scatterAdd(let source, let indices, let table):
            source.dtype.isSingle && table.dtype.isSingle && indices.dtype == .int32
        case .scatter(let source, let indices, let table): source.dtype == table.dtype && indices.dtype == .int32
        case .random(_, _, let view): view.dtype.isFloatingPoint && view.isContiguous
        case .round(let source, let target, _, _): source.dtype.isFloatingPoint && target.dtype == .bfloat16
        case .storedMap(let map): supports(map)
        case .quantizedMatmul(let product): supports(product)
        case .groupRows(let grouping): supports(grouping)
        case .groupedMatmul(let product): supports(product)
        case .groupedOuterProduct(let product): supports(product)
        case .rmsNorm(let norm): supports(norm) && norm.mean == nil && norm.bias == nil
        case .layerNorm(let norm): supports(norm) && norm.mean != nil && norm.bias != nil
        case .rmsNormBackward(let norm): supports(norm) && norm.mean == nil
        case .layerNormBackward(let norm): supports(norm) && norm.mean != nil
        case .swiglu(let unit): isRowwise([unit.gate, unit.up, unit.y])
        case .swigluBackward(let unit): isRowwise([unit.gate, unit.up, unit.dy, unit.dgate, unit.dup])
        case .rotary(let rotary): supports(rotary)
        case .attention(let attention): supports(attention)
        case .attentionBackward(let backward): supports(backward)
        case .cachedAttention(let attention): supports(attention)
        case .drawTokens(let draw): supports(draw)
        case .tokenScores(let scoring): supports(scoring)
        case .tokenScoresBackward(let backward): supports(backward)
        }
    }

    public func run(_ operation: Operation) {
        precondition(supports(operation), "cpu: '\(operation.name)' is not supported for \(operation)")
        switch operation {
        case .fill(let view, let value): fill(view, value)
        case .copy(let source, let destination): copy(from: source, to: destination)
        case .map(let program, let inputs, let outputs, let scalars): map(program, inputs, outputs, scalars)
        case .sum(let source, let destination, let accumulate): sum(source, into: destination, accumulate: accumulate)
        case .matmul(let product): matmul(product)
        case .gather(let table, let indices, let output): gather(table, indices, output)
        case .scatterAdd(let source, let indices, let table): scatterAdd(source, indices, table)
        case .scatter(let source, let indices, let table): scatter(source, indices, table)
        case .random(let source, let first, let view): random(source, first, view)
        case .round(let source, let target, let random, let first): round(source, to: target, random, first: first)
        case .storedMap(let map): storedMap(map)
        case .quantizedMatmul(let product): quantizedMatmul(product)
        case .groupRows(let grouping): groupRows(grouping)
        case .groupedMatmul(let product): groupedMatmul(product)
        case .groupedOuterProduct(let product): groupedOuterProduct(product)
        case .rmsNorm(let norm), .layerNorm(let norm): self.norm(norm)
        case .rmsNormBackward(let norm), .layerNormBackward(let norm): normBackward(norm)
        case .swiglu(let unit): swiglu(unit)
        case .swigluBackward(let backward): swigluBackward(backward)
        case .rotary(let rotary): self.rotary(rotary)
        case .attention(let attention): self.attention(attention)
        case .attentionBackward(let backward): attentionBackward(backward)
        case .cachedAttention(let attention): cachedAttention(attention)
        case .drawTokens(let draw): drawTokens(draw)
        case .tokenScores(let scoring): tokenScores(scoring)
        case .tokenScoresBackward(let backward): tokenScoresBackward(backward)
        }
    }

    public func synchronize() {}

    /// Memory for the duration of an operation.
    func scratch<Element>(_ count: Int, of type: Element.Type, _ body: (UnsafeMutablePointer<Element>) -> Void) {
        let buffer = allocator.allocate(count * MemoryLayout<Element>.stride)
        withExtendedLifetime(buffer) { body(buffer.address.assumingMemoryBound(to: type)) }
    }
}

extension DType {
    /// Computed with in float32: float32 itself and bfloat16.
    var isSingle: Bool { self == .float32 || self == .bfloat16 }
}
