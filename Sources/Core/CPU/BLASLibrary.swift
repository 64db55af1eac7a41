import CKernels
import Foundation

/// The matrix product of a BLAS library that was found when the process first asked for one.
package struct BLASLibrary: Sendable {
    /// The signature of cblas_sgemm with 32-bit integers.
    typealias Sgemm =
        @Sendable @convention(c) (
            Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>?, Int32, UnsafePointer<Float>?,
            Int32, Float, UnsafeMutablePointer<Float>?, Int32
        ) -> Void

    let sgemm: Sgemm
    /// Whether this is the plain product in C, because no library could be opened.
    package let isPlain: Bool

    package static let plain = BLASLibrary(
        sgemm: { ck_sgemm_plain($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) },
        isPlain: true)

    /// OpenBLAS, single-threaded (our pool splits products), or the plain product when it cannot be opened.
    ///
    /// Its kernels are chosen from the variable OPENBLAS_CORETYPE while it loads. Releases of 2022 do not know newer
    /// AMD cores and take their Haswell kernels there, at half the speed of SkylakeX, so a CPU with AVX-512 is named
    /// so.
    package static let best: BLASLibrary = {
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
            return BLASLibrary(sgemm: unsafeBitCast(product, to: Sgemm.self), isPlain: false)
        }
        return plain
    }()
}
