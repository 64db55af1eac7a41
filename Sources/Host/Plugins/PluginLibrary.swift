import CPluginABI
import Foundation
import Glibc
import PluginAPI

/// A plugin file in the process.
struct PluginLibrary {
    private let handle: UnsafeMutableRawPointer
    private let shown: String
    private let sources: String

    /// The descriptor of the protocol `PluginAPI.Plugin`: a plugin that has one of its own brings its own PluginAPI, and
    /// none of its types would be the host's.
    private static let sentinel = "$s9PluginAPI0A0Mp"

    init(_ file: PluginFile, shown: String, sources: String) throws {
        guard dlsym(nil, PluginLibrary.sentinel) != nil else { throw PluginError.hostNotExporting() }
        // Bound now, so that a missing symbol is found here and not in the middle of a run.
        guard let handle = dlopen(file.path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
            let reason = dlerror().map { String(cString: $0) } ?? "unknown reason"
            throw PluginLibrary.failure(reason, file, shown, sources)
        }
        self.handle = handle
        self.shown = shown
        self.sources = sources
        if let own = dlsym(handle, PluginLibrary.sentinel), own != dlsym(nil, PluginLibrary.sentinel) {
            throw PluginError.privateCopy(shown)
        }
    }

    private static func failure(_ reason: String, _ file: PluginFile, _ shown: String, _ sources: String) -> PluginError {
        if let range = reason.range(of: "undefined symbol: ") {
            let symbol = reason[range.upperBound...].prefix { $0 != " " && $0 != "," && $0 != "\n" }
            return .undefinedSymbol(shown, symbol: Demangler.demangle(String(symbol)), sources: sources)
        }
        return .notLoadable(shown, reason.replacingOccurrences(of: file.path, with: shown))
    }

    /// What the plugin says of itself. The function is generated and touches no type of the interface.
    func entry() throws -> ft_plugin {
        guard let address = dlsym(handle, "ft_plugin_entry_v1") else { throw PluginError.noEntryPoint(shown) }
        typealias Entry = @convention(c) () -> UnsafePointer<ft_plugin>?
        guard let pointer = unsafeBitCast(address, to: Entry.self)() else { throw PluginError.noEntryPoint(shown) }
        // A plugin of a newer host may have more fields, never fewer: those of version 1 are all there is so far.
        let size = pointer.pointee.struct_size
        guard size >= UInt32(MemoryLayout<ft_plugin>.size), pointer.pointee.abi_major == UInt32(FT_ABI_MAJOR) else {
            throw PluginError.abiMismatch(
                shown, found: "\(pointer.pointee.abi_major).\(pointer.pointee.abi_minor) (\(size) bytes)",
                expected: "\(FT_ABI_MAJOR).\(FT_ABI_MINOR) (\(MemoryLayout<ft_plugin>.size) bytes)", sources: sources)
        }
        return pointer.pointee
    }
}
