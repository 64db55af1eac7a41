import Foundation
import PluginAPI

/// The files that an option names: paths, or directories that stand for the text files directly in them.
struct InputFiles {
    /// One file.
    struct File {
        let path: String
        /// Whether every line is a JSON object; otherwise the file is plain text.
        let isJSONLines: Bool
    }

    /// The files in the order given, those of a directory by name.
    let files: [File]

    /// - Throws: `InputError` that lists every path that cannot be used.
    init(_ paths: [String], option: String = "--input") throws {
        var problems: [InputProblem] = []
        files = paths.flatMap { InputFiles.expand($0, option, &problems) }
        guard problems.isEmpty else { throw InputError(problems) }
    }

    private static func expand(_ path: String, _ option: String, _ problems: inout [InputProblem]) -> [File] {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            problems.append(InputProblem(option, "found no file or directory \(path)", fix: "check the path"))
            return []
        }
        if !isDirectory.boolValue {
            if let file = File(path) { return [file] }
            problems.append(
                InputProblem(option, "found \(path), expected a file that ends in \(File.endings)", fix: "rename it"))
            return []
        }
        do {
            let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
            let files = names.compactMap { File((path as NSString).appendingPathComponent($0)) }
            if files.isEmpty {
                problems.append(
                    InputProblem(option, "found no files in \(path) that end in \(File.endings)", fix: "name the files"))
            }
            return files
        } catch {
            problems.append(InputProblem(option, "cannot list \(path): \(error.localizedDescription)"))
            return []
        }
    }
}

extension InputFiles.File {
    static let endings = ".jsonl, .jsonl.gz or .txt"

    /// Nil when the name ends in nothing that is known.
    init?(_ path: String) {
        if path.hasSuffix(".jsonl") || path.hasSuffix(".jsonl.gz") {
            self.init(path: path, isJSONLines: true)
        } else if path.hasSuffix(".txt") {
            self.init(path: path, isJSONLines: false)
        } else {
            return nil
        }
    }
}
