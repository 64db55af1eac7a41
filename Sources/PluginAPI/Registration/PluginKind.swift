/// What a plugin can be. Kinds without an implementation yet are reserved.
public enum PluginKind: String, Sendable, Hashable, CaseIterable, Codable {
    case trainer, optimizer, scheduler, loader, shuffle, storage, parallelism, communicator, backend, model, adapter
    case reward, task, template, tracker
}
