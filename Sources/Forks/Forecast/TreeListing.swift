/// The files and folders of a commit, read with one run of git.
struct TreeListing: Sendable {
    /// The object of each file, by path.
    let files: [String: String]
    /// The object of each folder, by path.
    let folders: [String: String]
    private let git: Git

    /// - Parameter tree: a commit or a tree.
    init(_ git: Git, _ tree: String) async throws {
        var (files, folders): ([String: String], [String: String]) = ([:], [:])
        for field in try await git.read(["ls-tree", "-r", "-t", "-z", "--full-tree", tree]).fields {
            // "mode type object<tab>path"
            let parts = field.split(separator: "\t", maxSplits: 1)
            let words = parts[0].split(separator: " ")
            guard parts.count == 2, words.count == 3 else { continue }
            if words[1] == "tree" {
                folders[String(parts[1])] = String(words[2])
            } else {
                files[String(parts[1])] = String(words[2])
            }
        }
        (self.files, self.folders, self.git) = (files, folders, git)
    }

    /// The texts of some of its files, by path.
    func texts(_ paths: [String]) async throws -> [String: String] {
        let wanted = paths.sorted().compactMap { path in files[path].map { (path: path, object: $0) } }
        guard !wanted.isEmpty else { return [:] }
        let bytes = try await git.read(
            ["cat-file", "--batch"], input: Array(wanted.map { "\($0.object)\n" }.joined().utf8)).bytes
        var texts: [String: String] = [:]
        var start = 0
        for (path, _) in wanted {
            // "object type size<newline>content<newline>"
            guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")),
                let size = String(decoding: bytes[start..<end], as: UTF8.self).split(separator: " ").last.flatMap({ Int($0) })
            else { break }
            texts[path] = String(decoding: bytes[end + 1..<end + 1 + size], as: UTF8.self)
            start = end + 2 + size
        }
        return texts
    }
}
