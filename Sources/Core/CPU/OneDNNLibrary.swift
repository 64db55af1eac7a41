import CKernels
import Foundation

/// The products of oneDNN, behind the small library libForktailOneDNN.so that this package builds.
package struct OneDNNLibrary: Sendable {
    /// The signature of `ck_onednn_table.multiply`.
    typealias Multiply = @Sendable @convention(c) (UnsafePointer<ck_onednn_product>?) -> Int32

    let multiply: Multiply
    /// The element types that it multiplies on this CPU.
    package let types: [DType]
    package let version: String

    /// Why it cannot be used.
    package struct Absence: Error {
        package let reason: String

        package init(reason: String) { self.reason = reason }
    }

    /// The library, opened when it is first asked for.
    package static let installed: Result<OneDNNLibrary, Absence> = {
        let name = "libForktailOneDNN.so"
        guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) else {
            return .failure(Absence(reason: dlerror().map { String(cString: $0) } ?? "\(name) cannot be opened"))
        }
        guard let symbol = dlsym(handle, "forktail_onednn"),
            // The declaration of the function in COneDNN.h.
            let table = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<ck_onednn_table>?).self)()?.pointee,
            table.format == Int32(CK_ONEDNN_FORMAT), let multiply = table.multiply, let supports = table.supports
        else { return .failure(Absence(reason: "\(name) belongs to another release")) }
        return .success(
            OneDNNLibrary(
                // A C function holds no state of Swift's.
                multiply: unsafeBitCast(multiply, to: Multiply.self),
                types: ProductKind.dtypes.filter { supports($0.code) != 0 },
                version: "\(table.major).\(table.minor).\(table.patch)"))
    }()
}
