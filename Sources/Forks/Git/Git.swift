import Foundation
import Subprocess

/// Runs git in one folder.
///
/// What a user's configuration could change in the output (colours, prefixes, signatures, pagers, prompts) is fixed, so that
/// answers can be read by a program; names of files are never quoted where `-z` is given.
package struct Git: Sendable {
    /// The folder that commands run in.
    package let directory: String
    /// Whether the folder is said in what is shown of a command: it is, where it is not the user's own.
    private let showsDirectory: Bool
    /// Whether it is a temporary clone: what changes there changes nothing of the user's.
    private let isScratch: Bool
    private let observer: Observer

    /// Is told of every command before it runs.
    package typealias Observer = @Sendable (GitCommand) -> Void

    package init(_ directory: String, observer: @escaping Observer = { _ in }) {
        self.init(directory, showsDirectory: false, isScratch: false, observer)
    }

    private init(_ directory: String, showsDirectory: Bool, isScratch: Bool, _ observer: @escaping Observer) {
        self.directory = directory
        self.showsDirectory = showsDirectory
        self.isScratch = isScratch
        self.observer = observer
    }

    /// The same in another folder, which is said in what is shown.
    /// - Parameter isScratch: whether the folder is a temporary clone, where nothing counts as a change.
    package func at(_ directory: String, isScratch: Bool = false) -> Git {
        Git(directory, showsDirectory: true, isScratch: isScratch, observer)
    }

    /// Runs a command that looks at the repository.
    /// - Parameter input: what it reads from its standard input.
    /// - Returns: its output.
    /// - Throws: `GitError` when it ends with another status than 0.
    @inline(never)
    package func read(_ arguments: [String], input: [UInt8] = []) async throws -> GitOutput {
        try await run(arguments, changes: false, input: input).checked()
    }

    /// Runs a command that changes the repository, the work tree or a remote.
    /// - Throws: `GitError` when it ends with another status than 0.
    @discardableResult
    @inline(never)
    package func change(_ arguments: [String], input: [UInt8] = []) async throws -> GitOutput {
        try await run(arguments, changes: true, input: input).checked()
    }

    // None of the three is inlined: in a loop, what they wait for makes the optimizer of Swift 6.3.1 crash.

    /// Runs a command whose status is an answer.
    /// - Throws: `GitError` only when git cannot be started.
    @inline(never)
    package func run(_ arguments: [String], changes: Bool = false, input: [UInt8] = []) async throws -> GitOutput {
        let command = GitCommand(
            arguments: showsDirectory ? ["-C", directory] + arguments : arguments,
            changes: changes && !isScratch)
        observer(command)
        do {
            let result = try await Subprocess.run(
                .name("git"), arguments: Arguments(["-C", directory] + arguments),
                environment: .inherit.updating(Git.environment), input: .array(input),
                output: .bytes(limit: .max), error: .bytes(limit: .max))
            return GitOutput(
                command: command, status: result.terminationStatus.number, bytes: result.standardOutput,
                errors: String(decoding: result.standardError, as: UTF8.self))
        } catch {
            throw GitError(command: command, status: nil, message: "git cannot be started: \(error)")
        }
    }

    /// Settings that answers are read by. Names and signing stay the user's.
    private static let settings: KeyValuePairs = [
        "color.ui": "false", "core.quotePath": "false", "core.abbrev": "auto",
        "diff.noprefix": "false", "diff.mnemonicPrefix": "false", "diff.renames": "true", "diff.algorithm": "default",
        "diff.context": "3", "diff.interHunkContext": "0", "diff.suppressBlankEmpty": "false",
        "diff.indentHeuristic": "true", "diff.relative": "false",
        "log.showSignature": "false", "log.follow": "false", "log.mailmap": "false",
        "merge.renames": "true", "merge.directoryRenames": "conflict", "rerere.autoUpdate": "false",
        "advice.detachedHead": "false", "i18n.logOutputEncoding": "UTF-8",
    ]

    private static let environment: [Environment.Key: String?] = {
        // Settings that the caller's environment gives already stay, before ours.
        let given = ProcessInfo.processInfo.environment["GIT_CONFIG_COUNT"].flatMap { Int($0) } ?? 0
        var environment: [Environment.Key: String?] = [
            "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "GIT_SEQUENCE_EDITOR": "true",
            "GIT_PAGER": "cat", "GIT_MERGE_AUTOEDIT": "no", "GIT_OPTIONAL_LOCKS": "0",
            "GIT_CONFIG_COUNT": "\(given + settings.count)",
        ]
        // A hook of git may have started us: its repository is not the one that we were asked about.
        for key in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_EXTERNAL_DIFF"] {
            environment.updateValue(nil, forKey: Environment.Key(stringLiteral: key))
        }
        for (place, setting) in settings.enumerated() {
            environment[Environment.Key(stringLiteral: "GIT_CONFIG_KEY_\(given + place)")] = setting.key
            environment[Environment.Key(stringLiteral: "GIT_CONFIG_VALUE_\(given + place)")] = setting.value
        }
        return environment
    }()
}
