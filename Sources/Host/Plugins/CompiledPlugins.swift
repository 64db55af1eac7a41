/// The plugins that are linked into the running host; commands find them here.
public enum CompiledPlugins {
    /// Forktail's own, unless a host of your own says otherwise:
    /// `CompiledPlugins.$current.withValue(BuiltinPlugins.all + [...]) { ... }`.
    @TaskLocal public static var current: [CompiledPlugin] = BuiltinPlugins.all
}
