/// Something about a plugin that keeps it, or the run, from going on.
///
/// The description is one sentence that says what was found and expected, followed by what mends it.
public struct PluginError: Error, Sendable, Hashable, CustomStringConvertible {
    public let code: Code
    public let message: String
    /// What to do, a command where there is one.
    public let hint: String?

    init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    public var description: String { message + (hint.map { ". \($0)" } ?? "") }

    /// What kind of failure it is; more may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: Name

        private enum Name: String {
            case unreadable, unsafeFile, invalidManifest, apiMismatch, undefinedSymbol, notLoadable, changedFile, privateCopy
            case noEntryPoint, abiMismatch, stale, manifestMismatch, registrationFailed, undeclared
            case notFound, conflict, replacesUnknown, replacesCycle, blockedButRequired, requirementMissing
            case rankDisagreement, drift, hostNotExporting, noSDK, buildFailed, invalidScaffold
        }

        private init(_ name: Name) { self.name = name }

        public var description: String { name.rawValue }

        /// A few words for a table: "stale interface".
        var phrase: String {
            switch name {
            case .stale: "stale interface"
            case .apiMismatch: "needs another PluginAPI"
            case .conflict: "conflict"
            case .invalidManifest: "invalid manifest"
            case .unreadable: "unreadable"
            case .unsafeFile: "writable by everyone"
            case .replacesUnknown: "replaces what does not exist"
            case .replacesCycle: "circle of replacements"
            case .notLoadable: "cannot be loaded"
            case .changedFile: "changed since it was recorded"
            default: rawWords
            }
        }

        /// The code's own name in words.
        private var rawWords: String {
            name.rawValue.reduce(into: "") { $0 += $1.isUppercase ? " \($1.lowercased())" : "\($1)" }
        }

        // What a file can be refused for, in the order of the checks.
        public static let unreadable = Code(.unreadable)
        public static let unsafeFile = Code(.unsafeFile)
        public static let invalidManifest = Code(.invalidManifest)
        public static let apiMismatch = Code(.apiMismatch)
        public static let undefinedSymbol = Code(.undefinedSymbol)
        public static let notLoadable = Code(.notLoadable)
        public static let changedFile = Code(.changedFile)
        public static let privateCopy = Code(.privateCopy)
        public static let noEntryPoint = Code(.noEntryPoint)
        public static let abiMismatch = Code(.abiMismatch)
        public static let stale = Code(.stale)
        public static let manifestMismatch = Code(.manifestMismatch)
        public static let registrationFailed = Code(.registrationFailed)
        public static let undeclared = Code(.undeclared)

        // What can be wrong with a set of plugins.
        public static let notFound = Code(.notFound)
        public static let conflict = Code(.conflict)
        public static let replacesUnknown = Code(.replacesUnknown)
        public static let replacesCycle = Code(.replacesCycle)
        public static let blockedButRequired = Code(.blockedButRequired)
        public static let requirementMissing = Code(.requirementMissing)
        public static let rankDisagreement = Code(.rankDisagreement)
        public static let drift = Code(.drift)

        // What can go wrong while plugins are made.
        public static let hostNotExporting = Code(.hostNotExporting)
        public static let noSDK = Code(.noSDK)
        public static let buildFailed = Code(.buildFailed)
        public static let invalidScaffold = Code(.invalidScaffold)
    }
}

/// Everything that is wrong with a set of plugins, at once.
public struct PluginErrors: Error, Sendable, CustomStringConvertible {
    /// At least one.
    public let errors: [PluginError]

    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
