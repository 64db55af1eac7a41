import CKernels
import Foundation

/// The matrix product of a BLAS library, or the plain one with the same signature.
package struct BLASLibrary: Sendable {
    /// The signature of cblas_sgemm with 32-bit integers.
    typealias Sgemm =
        @Sendable @convention(c) (
            Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>?, Int32, UnsafePointer<Float>?,
            Int32, Float, UnsafeMutablePointer<Float>?, Int32
        ) -> Void

    let sgemm: Sgemm
    /// The release and the CPU that its kernels are written for, e.g. "0.3.21 SkylakeX".
    package let version: String

    package static let plain = plain(version: "")

    /// The plain product, said to be of a version.
    package static func plain(version: String) -> BLASLibrary {
        BLASLibrary(
            sgemm: { ck_sgemm_plain($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) }, version: version)
    }

    /// OpenBLAS, single-threaded (our pool splits products); nil when it cannot be opened. Opened when first asked for.
    ///
    /// Its kernels are chosen from the variable OPENBLAS_CORETYPE while it loads. Releases of 2022 do not know newer
    /// AMD cores and take their Haswell kernels there, at half the speed of SkylakeX, so a CPU with AVX-512 is named
    /// so, unless the variable is set already.
    package static let installed: BLASLibrary? = {
        let previous = ["OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS"].map { (name: String) in
            (name, getenv(name).map { String(cString: $0) })
        }
        if ck_has_avx512() != 0 { setenv("OPENBLAS_CORETYPE", "SkylakeX", 0) }
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
        defer {
            for (name, value) in previous {
                if let value { setenv(name, value, 1) } else { unsetenv(name) }
            }
        }
        for name in ["libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"] {
            guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL), let product = dlsym(handle, "cblas_sgemm"),
                let setThreads = dlsym(handle, "openblas_set_num_threads")
            else { continue }
            // The C declarations of the two functions, fixed since CBLAS and OpenBLAS exist.
            unsafeBitCast(setThreads, to: (@convention(c) (Int32) -> Void).self)(1)
            let release = text(handle, "openblas_get_config").split(separator: " ").dropFirst().first ?? "unknown"
            return BLASLibrary(
                sgemm: unsafeBitCast(product, to: Sgemm.self),
                version: "\(release) \(text(handle, "openblas_get_corename"))")
        }
        return nil
    }()

    /// The result of a function of the library that takes nothing and returns a string.
    private static func text(_ handle: UnsafeMutableRawPointer, _ name: String) -> String {
        guard let symbol = dlsym(handle, name) else { return "" }
        let function = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<CChar>?).self)
        return function().map { String(cString: $0) } ?? ""
    }
}
