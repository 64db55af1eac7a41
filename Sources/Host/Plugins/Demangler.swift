import Glibc

/// Makes Swift's symbols readable.
enum Demangler {
    private typealias Function = @convention(c) (
        UnsafePointer<CChar>?, Int, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<Int>?, UInt32
    ) -> UnsafeMutablePointer<CChar>?

    /// The declaration behind a symbol; the symbol itself when it is not Swift's.
    static func demangle(_ symbol: String) -> String {
        // The runtime exports the function and no header declares it.
        guard let address = dlsym(nil, "swift_demangle"),
            let text = unsafeBitCast(address, to: Function.self)(symbol, symbol.utf8.count, nil, nil, 0)
        else { return symbol }
        defer { free(text) }
        return String(cString: text)
    }
}
