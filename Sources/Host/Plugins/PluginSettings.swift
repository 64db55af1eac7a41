/// What the user says of plugins, in the recipe's `plugins:` section and on the command line.
public struct PluginSettings: Sendable, Hashable {
    /// Files or folders given as `--plugin PATH`; they opt in to what their plugins replace.
    public var commandLine: [String]
    /// Files or folders of `plugins.paths`.
    public var paths: [String]
    /// Files of `plugins.workspace`, with what was recorded of them.
    public var workspace: [PluginWorkspace.Built]
    /// Ids of `plugins.use`: they win over what they replace and over their rivals.
    public var use: [String]
    /// Ids of `plugins.block`: they are left out before anything is resolved.
    public var block: [String]
    /// Full ids that the recipe names as trainer, optimizer, ...: they are loaded, and win nothing.
    public var mentioned: [String]

    public init(
        commandLine: [String] = [], paths: [String] = [], workspace: [PluginWorkspace.Built] = [], use: [String] = [], block: [String] = [],
        mentioned: [String] = []
    ) {
        self.commandLine = commandLine
        self.paths = paths
        self.workspace = workspace
        self.use = use
        self.block = block
        self.mentioned = mentioned
    }
}
