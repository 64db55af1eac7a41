import PluginAPI

/// The part of a scaffold that depends on its kind: a working plugin that does the simplest thing.
struct ScaffoldSource {
    let summary: String
    let implementation: String
    let recipe: ScaffoldRecipe
    var hasConfig = true

    /// nil for kinds that nothing can provide yet.
    init?(_ kind: PluginKind, _ type: String, _ name: String) {
        switch kind {
        case .trainer:
            self.init(
                summary: "Next-token prediction on pre-tokenised samples",
                imports: ["DataLoader", "PluginAPI"],
                body: """
                    /// Trains every token of pre-tokenised samples.
                    public final class \(type): Trainer {
                        \(Self.config("minimum", "2", "samples with fewer tokens are left out"))

                        private let config: Config
                        private let session: TrainingSession

                        public init(_ config: Config, _ session: TrainingSession) throws {
                            self.config = config
                            self.session = session
                        }

                        public func example(from sample: Sample) throws -> Example? {
                            guard let tokens = try session.tokens(of: sample) else {
                                throw InputError(sample.id, "has no token ids", fix: "tokenise the data first")
                            }
                            let ids = Array(tokens.ids.prefix(session.settings.sequenceLength))
                            guard ids.count >= config.minimum else { return nil }
                            let sequence = TokenSequence(ids: ids, trained: ids.map { _ in true })
                            return Example([sequence], from: sample)
                        }

                        public func experience(from examples: [Example]) throws -> [MicroBatch] {
                            MicroBatch.collate(examples, size: session.settings.microBatchSize, term: "tokens")
                        }

                        public func objective(_ scores: TokenScores, _ batch: MicroBatch) throws -> Objective {
                            scores.crossEntropy(weight: "tokens")
                        }
                    }
                    """, recipe: ScaffoldRecipe(["trainer": name]))
        case .optimizer:
            self.init(
                summary: "Gradient descent", imports: ["PluginAPI"], also: ["Core"],
                body: """
                    /// w = w - lr (scale g + weightDecay w)
                    public struct \(type): Optimizer {
                        \(Self.config("scale", "1.0", "factor on every gradient"))

                        private let scale: Double

                        public init(_ config: Config) throws { scale = config.scale }

                        public var stateNames: [String] { [] }

                        public func update(_ element: UpdateElement) -> UpdatedElement {
                            let step = element.gradient * scale + element.weightDecay * element.weight
                            return UpdatedElement(weight: element.weight - element.lr * step, states: [])
                        }
                    }
                    """, recipe: ScaffoldRecipe(["optimizer": "{name: \(name), lr: 1.0e-3}"]))
        case .scheduler:
            self.init(
                summary: "A factor that falls linearly", imports: ["PluginAPI"],
                body: """
                    /// From 1 after warm-up to `floor` at the last step.
                    public struct \(type): Scheduler {
                        \(Self.config("floor", "0.0", "the factor at the last step, 0 to 1"))

                        private let floor: Double
                        private let horizon: ScheduleHorizon

                        public init(_ config: Config, horizon: ScheduleHorizon) throws {
                            floor = config.floor
                            self.horizon = horizon
                        }

                        public func factor(step: Int) -> Double {
                            1 - (1 - floor) * horizon.progress(step: step)
                        }
                    }
                    """, recipe: ScaffoldRecipe(["scheduler": "{name: \(name), warmup_steps: 5}"]))
        case .reward:
            self.init(
                summary: "Rewards completions that contain a token", imports: ["DataLoader", "PluginAPI"],
                body: """
                    /// 1 when the completion contains the token, else 0.
                    public struct \(type): Reward {
                        \(Self.config("token", "7", "the id that completions should contain"))

                        private let token: Int

                        public init(_ config: Config) throws { token = config.token }

                        public func score(_ completion: Completion, for sample: Sample) throws -> Double? {
                            completion.ids.contains { Int($0) == token } ? 1 : 0
                        }
                    }
                    """, recipe: Self.rewarded(name))
        case .loader:
            self.init(
                summary: "Reads files of lines, a JSON list of token ids a line",
                imports: ["DataLoader", "Foundation", "PluginAPI"],
                body: """
                    /// Every line of every file, in order, as the column `column`.
                    public struct \(type): LoaderPlugin {
                        \(Self.config("column", "\"input_ids\"", "the column that holds the line"))

                        private let column: String

                        public init(_ config: Config) throws { column = config.column }

                        public func stream(_ paths: [URL], _ context: LoaderContext) throws -> any SampleStream {
                            let lines = try paths.flatMap { path in
                                try String(contentsOf: path, encoding: .utf8).split(separator: "\\n").map(String.init)
                            }
                            guard !lines.isEmpty else { throw InputError("data", "the files have no lines") }
                            return Lines(column: column, lines: lines)
                        }
                    }

                    /// The lines, again and again.
                    private struct Lines: SampleStream {
                        let column: String
                        let lines: [String]

                        var epochLength: Int { lines.count }
                        var fingerprint: String { "\\(lines.count) lines, \\(lines.reduce(0) { $0 + $1.utf8.count }) bytes" }
                        var plan: [String: String] { ["order": "as written"] }

                        func sample(at position: Int) throws -> Sample {
                            let line = lines[position % lines.count]
                            return Sample(
                                schema: Schema(names: [column], encodings: [.json]), buffer: ByteBuffer(line.utf8),
                                ranges: [0..<line.utf8.count], origin: "lines", index: position % lines.count)
                        }
                    }
                    """, recipe: Self.listed(name))
        case .tracker:
            self.init(
                summary: "Writes figures to a text file", imports: ["Foundation", "JSON", "PluginAPI"],
                body: """
                    /// One line a step in `file` of the run directory.
                    public final class \(type): Tracker {
                        \(Self.config("file", "\"figures.txt\"", "the file's name in the run directory"))

                        private let handle: FileHandle

                        public init(_ config: Config, runDirectory: URL, resumedStep: Int) throws {
                            let url = runDirectory.appending(path: config.file)
                            if !FileManager.default.fileExists(atPath: url.path) { try Data().write(to: url) }
                            handle = try FileHandle(forWritingTo: url)
                            try handle.seekToEnd()
                        }

                        public func log(step: Int, _ figures: [JSONValue.Member]) throws {
                            let text = figures.map { "\\($0.key)=\\($0.value.text)" }.joined(separator: " ")
                            try handle.write(contentsOf: Data("step=\\(step) \\(text)\\n".utf8))
                        }

                        public func finish() throws { try handle.close() }
                    }
                    """, recipe: ScaffoldRecipe(["trackers": "[{name: \(name)}]"]))
        case .task:
            self.init(
                summary: "Generated lines: count up", imports: ["PluginAPI"],
                body: """
                    /// The tokens 4, 5, 6 and so on. Even starts are for training, odd ones are held out.
                    public struct \(type): GeneratedTask {
                        \(Self.config("largest", "20", "the largest start, even"))

                        private let largest: Int

                        public init(_ config: Config) throws { largest = config.largest }

                        public func lines(_ split: TaskSplit, count: Int, seed: UInt64) throws -> [String] {
                            let offset = Int(seed % UInt64(largest))
                            return (0..<count).map { index in
                                let start = (offset + index) % largest / 2 * 2 + (split == .train ? 0 : 1)
                                return "{\\"input_ids\\": [1, \\(start), \\(start + 1), \\(start + 2), 2]}"
                            }
                        }
                    }
                    """, recipe: Self.made(name))
        case .model:
            self.init(
                summary: "Reads config.json of one more model family", imports: ["Core", "PluginAPI"],
                body: """
                    /// A family whose layers are llama's.
                    public enum \(type): ModelFamily {
                        public static let modelTypes = ["\(name)"]

                        public static func decoder(from config: ModelConfig) throws -> DecoderConfiguration {
                            try config.read { values in values.rotaryDecoder() }
                        }
                    }
                    """, recipe: ScaffoldRecipe(["model": "{config: \(ScaffoldRecipe.model(name))}"]))
            hasConfig = false
        case .parallelism:
            self.init(
                summary: "Divides a run over the ranks of an axis", imports: ["Core", "PluginAPI"],
                body: """
                    /// Data ranks divide master weights and optimizer states.
                    public struct \(type): ParallelStrategy {
                        public static let axis = MeshAxis.data

                        \(Self.config("share", "2", "data ranks that share one copy"))

                        private let config: Config

                        public init(_ config: Config) { self.config = config }

                        public func problems(_ run: DividedRun) -> [InputProblem] {
                            let ranks = run.mesh[.data]
                            if config.share > 0, ranks % config.share == 0 { return [] }
                            return [
                                InputProblem(
                                    "parallel.data.share", "\\(config.share) ranks cannot share a copy evenly among \\(ranks)",
                                    fix: "parallel.data.share=1")
                            ]
                        }

                        public func refine(_ plan: inout RankPlan) {
                            plan.storage.level = .states
                            plan.storage.sharingRanks = config.share
                        }
                    }
                    """, recipe: Self.divided(name))
        case .shuffle, .storage, .communicator, .backend, .adapter, .template:
            return nil
        }
    }

    private init(
        summary: String, imports: [String], also: [String] = [], body: String, recipe: ScaffoldRecipe
    ) {
        self.summary = summary
        let lines = (imports.map { "public import \($0)" } + also.map { "import \($0)" })
            .sorted { $0.split(separator: " ").last ?? "" < $1.split(separator: " ").last ?? "" }
        implementation = lines.joined(separator: "\n") + "\n\n" + body + "\n"
        self.recipe = recipe
    }

    /// Prompts instead of documents, and a trainer that asks for the reward.
    private static func rewarded(_ name: String) -> ScaffoldRecipe {
        var recipe = ScaffoldRecipe([
            "trainer": "{name: grpo, rewards: [{name: \(name)}], num_generations: 2, max_completion_length: 8, stop_ids: [2]}"
        ])
        recipe.data = ("train.jsonl", (3..<11).map { "{\"prompt_ids\": [1, \($0)]}\n" }.joined())
        return recipe
    }

    private static func listed(_ name: String) -> ScaffoldRecipe {
        var recipe = ScaffoldRecipe(["data": "{loader: {name: \(name)}, train: [train.txt]}"])
        recipe.data = ("train.txt", (3..<11).map { "[1, \($0), \($0 + 1), \($0 + 2), 2]\n" }.joined())
        return recipe
    }

    private static func made(_ name: String) -> ScaffoldRecipe {
        var recipe = ScaffoldRecipe()
        recipe.data = nil
        recipe.command = "forktail data make \(name) --plugin . --count 8 --output train.jsonl\n    forktail train recipe.yaml"
        return recipe
    }

    private static func divided(_ name: String) -> ScaffoldRecipe {
        var recipe = ScaffoldRecipe(["parallel": "{data: {size: 2, strategy: \(name)}}"])
        recipe.command = "forktail launch -n 2 -- train recipe.yaml"
        return recipe
    }

    /// A configuration with one setting.
    private static func config(_ key: String, _ value: String, _ help: String) -> String {
        """
        /// The settings that a recipe can give.
            public struct Config: PluginConfig {
                var \(key) = \(value)

                public static let template = Config()
                public static let help = ["\(key)": "\(help)"]
            }
        """
    }
}
