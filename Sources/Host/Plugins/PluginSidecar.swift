import Foundation

/// The manifest beside a plugin file: `acme.json` beside `acme.so`, or `plugin.json` in the same folder.
struct PluginSidecar {
    let text: String
    /// How messages call it.
    let shown: String

    init(of file: URL, shown: String) throws {
        let folder = file.deletingLastPathComponent()
        let stem = file.deletingPathExtension().lastPathComponent
        let names = ["\(stem).json", "plugin.json"]
        for name in names {
            let url = folder.appending(path: name)
            guard FileManager.default.fileExists(atPath: url.path) else { continue }
            self.shown = (shown as NSString).deletingLastPathComponent + "/" + name
            do {
                text = try String(contentsOf: url, encoding: .utf8)
            } catch {
                throw PluginError.unreadable(self.shown, error.localizedDescription)
            }
            return
        }
        throw PluginError.unreadable(shown, "no manifest beside it (\(names.joined(separator: " or ")))")
    }
}
