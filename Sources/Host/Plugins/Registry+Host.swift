import JSON
import PluginAPI

extension Registry {
    /// The plugins of a recipe.
    /// - Parameter recipe: the whole recipe; full ids that it names are loaded too.
    static func forRecipe(_ recipe: JSONValue) throws -> Registry {
        let section = try Recipe.plugins(in: recipe)
        let named = ["trainer", "optimizer", "scheduler"].map { recipe[$0] } + [recipe["data"]?["loader"]]
            + (recipe["trackers"]?.array ?? []).map(Optional.some)
        let ids = named.compactMap { $0?.string ?? $0?["name"]?.string }.filter { $0.contains(".") }
        return try build(
            PluginSettings(
                paths: section.paths,
                workspace: section.workspace.isEmpty ? [] : PluginWorkspace(section.workspace).built(),
                use: section.use, block: section.block, mentioned: ids))
    }

    /// The plugins of a command without a recipe.
    /// - Parameter plugins: files or folders given as `--plugin`.
    static func forCommand(plugins: [String]) throws -> Registry {
        try build(PluginSettings(commandLine: plugins))
    }

    private static func build(_ settings: PluginSettings) throws -> Registry {
        let registry = try RegistryBuilder(PluginCatalog(compiled: Forktail.compiledPlugins, settings: settings)).build()
        for notice in registry.notices { StandardError.write(notice) }
        return registry
    }
}
