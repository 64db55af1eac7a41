/// Which part of the repository a file belongs to; the first is the cheapest to change in a fork.
package enum TreeArea: String, Sendable, Hashable, CaseIterable, Encodable {
    case plugins
    case core
    /// Package, scripts, tests, documentation.
    case other

    package init(_ path: String) {
        self = path.hasPrefix("Plugins/") ? .plugins : path.hasPrefix("Sources/") ? .core : .other
    }
}
