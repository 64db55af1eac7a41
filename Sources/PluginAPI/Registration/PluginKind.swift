/// What a plugin can be. Kinds without an implementation yet are reserved.
public enum PluginKind: String, Sendable, Hashable, CaseIterable, Codable {
    case trainer, optimizer, scheduler, loader, shuffle, storage, parallelism, communicator, backend, model, adapter
    case reward, task, template, tracker

    /// Whether the kind has no contract yet, so that nothing can provide it.
    public var isReserved: Bool {
        switch self {
        case .trainer, .optimizer, .scheduler, .loader, .parallelism, .model, .reward, .task, .tracker: false
        case .shuffle, .storage, .communicator, .backend, .adapter, .template: true
        }
    }
}
