public import Foundation

/// Reads and writes the files of a tokenizer.
enum TokenizerFiles {
    /// The files that make up a tokenizer in a model directory.
    static let names = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"]

    /// Reads the files of a directory, or a tokenizer.json (of any name) and the others beside it.
    static func read(from url: URL) throws(TokenizerError) -> [String: Data] {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
            throw TokenizerError(
                .missingFile, "reading a tokenizer from \(url.path) failed: there is no such file or directory",
                hint: "give a tokenizer.json or the directory that holds one")
        }
        let directory = isDirectory.boolValue ? url : url.deletingLastPathComponent()
        let main = isDirectory.boolValue ? url.appendingPathComponent("tokenizer.json") : url
        guard FileManager.default.fileExists(atPath: main.path) else {
            throw TokenizerError(
                .missingFile, "reading a tokenizer from \(url.path) failed: the directory has no tokenizer.json",
                hint: "save the tokenizer in the tokenizer.json form, as \"fast\" tokenizers are")
        }
        var files = ["tokenizer.json": try contents(of: main)]
        for name in names.dropFirst() {
            let file = directory.appendingPathComponent(name)
            if FileManager.default.fileExists(atPath: file.path) { files[name] = try contents(of: file) }
        }
        return files
    }

    private static func contents(of file: URL) throws(TokenizerError) -> Data {
        do {
            return try Data(contentsOf: file)
        } catch {
            throw TokenizerError(
                .missingFile, "reading \(file.path) failed: \(error.localizedDescription)",
                hint: "check that the file is readable")
        }
    }

    /// The text of one of the files; nil when it is not there.
    static func text(_ name: String, in files: [String: Data]) throws(TokenizerError) -> String? {
        guard let data = files[name] else { return nil }
        guard let text = String(validating: [UInt8](data), as: UTF8.self) else {
            throw TokenizerError(
                .malformedFile, "parsing \(name) failed: its bytes are not UTF-8",
                hint: "the file may be damaged; fetch it again")
        }
        return text
    }

    /// Parses one of the files; nil when it is not there.
    static func json(_ name: String, in files: [String: Data]) throws(TokenizerError) -> JSON? {
        guard let text = try text(name, in: files) else { return nil }
        do {
            return try Array(text.utf8).withUnsafeBufferPointer { bytes throws(JSON.SyntaxError) in
                try JSON.parse(bytes)
            }
        } catch {
            throw TokenizerError(
                .malformedFile, "parsing \(name) failed at line \(error.line): expected \(error.expected)",
                hint: "the file may be damaged or cut off; fetch it again")
        }
    }
}

extension Tokenizer {
    /// Writes the tokenizer's files into a directory, each by way of a temporary file, and makes the directory when
    /// it is missing.
    /// - Throws: `TokenizerError` (`unwritableFile`).
    public func save(to directory: URL) throws {
        do {
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            for (name, data) in files {
                try data.write(to: directory.appendingPathComponent(name), options: .atomic)
            }
        } catch {
            throw TokenizerError(
                .unwritableFile, "saving a tokenizer to \(directory.path) failed: \(error.localizedDescription)",
                hint: "check the space left and the rights on the directory")
        }
    }
}
