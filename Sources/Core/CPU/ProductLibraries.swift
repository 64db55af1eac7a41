import CKernels

/// The libraries that this process can take matrix products by. They are opened when they are first asked for.
package struct ProductLibraries: Sendable {
    /// Element types for which this CPU has the instructions that panels are made for.
    package let panelTypes: [DType]
    private let openBLAS: @Sendable () -> BLASLibrary?
    private let openOneDNN: @Sendable () -> Result<OneDNNLibrary, OneDNNLibrary.Absence>

    /// What is here; tests leave some out.
    package init(
        panelTypes: [DType] = ProductLibraries.fastTypes,
        blas: @escaping @Sendable () -> BLASLibrary? = { BLASLibrary.installed },
        oneDNN: @escaping @Sendable () -> Result<OneDNNLibrary, OneDNNLibrary.Absence> = { OneDNNLibrary.installed }
    ) {
        self.panelTypes = panelTypes
        openBLAS = blas
        openOneDNN = oneDNN
    }

    /// Element types for which this CPU has 512-bit products.
    package static var fastTypes: [DType] {
        (ck_has_avx512() != 0 ? [.float32] : []) + (ck_has_bfloat16() != 0 ? [.bfloat16] : [])
    }

    /// OpenBLAS, or the plain product with the same signature.
    var blas: BLASLibrary { openBLAS() ?? .plain }

    var oneDNN: OneDNNLibrary? {
        switch openOneDNN() {
        case .success(let library): library
        case .failure: nil
        }
    }

    /// Why a library cannot take products of a type; nil when it can.
    package func absence(of library: ProductLibrary, for dtype: DType) -> String? {
        switch library {
        case .plain: nil
        case .panels: panelTypes.contains(.float32) ? nil : "this CPU has no AVX-512"
        case .openblas: openBLAS() == nil ? "libopenblas.so.0 cannot be opened" : nil
        case .onednn:
            switch openOneDNN() {
            case .failure(let absence): absence.reason
            case .success(let library):
                library.types.contains(dtype)
                    ? nil : "oneDNN \(library.version) has no \(dtype.rawValue) products on this CPU"
            }
        }
    }

    /// What bits of a result depend on: the library, its version and what kernels it took. Precondition: it is here.
    package func identity(of library: ProductLibrary) -> String {
        switch library {
        case .panels, .plain: library.rawValue
        case .openblas: "openblas \(blas.version)"
        case .onednn: "onednn \(oneDNN?.version ?? "")"
        }
    }
}
