import Core
import DataLoader
import PluginAPI
import Testing
import Text
import TrainerDPO
import TrainerGRPO
import TrainerPretrain
import TrainerSFT

@Suite struct TrainerTests {
    private func bytes(_ text: String, _ tokenizer: Tokenizer) -> [Int32] {
        tokenizer.encode(text, addSpecialTokens: false)
    }

    // MARK: pretrain

    @Test(arguments: ["input_ids", "tokens"]) func `pretrain trains every id after the first`(column: String) throws {
        let trainer = try Pretrain(settings(Pretrain.Config.self), session())
        let example = try #require(try trainer.example(from: sample(#"{"\#(column)": [5, 6, 7]}"#)))
        #expect(example.sequences[0].ids == [5, 6, 7])
        #expect(example.sequences[0].trained == [false, true, true])
        #expect(try trainer.experience(from: [example])[0].weights == ["tokens": 2])
    }

    @Test func `labels of -100 are not trained, and samples without a trained token are left out`() throws {
        let trainer = Pretrain(.template, session())
        let some = try trainer.example(from: sample(#"{"input_ids": [5, 6, 7], "labels": [-100, -100, 7]}"#))
        #expect(some?.sequences[0].trained == [false, false, true])
        let none = try trainer.example(from: sample(#"{"input_ids": [5, 6], "labels": [5, -100]}"#))
        #expect(none == nil)
    }

    @Test func `labels that are shifted already are refused`() throws {
        let trainer = Pretrain(.template, session())
        let error = #expect(throws: SampleError.self) {
            try trainer.example(from: sample(#"{"input_ids": [5, 6], "labels": [6, 7]}"#))
        }
        #expect(
            error?.description == "cannot read column \"labels\" of sample test.jsonl:1: label 0 is 6, expected -100 "
                + "or the id 5 at the same position (the shift to the next token is made by the trainer)")
    }

    @Test func `text ends with the end of text, and is cut off at the sequence length`() throws {
        let tokenizer = try ByteTokenizer.make()
        let whole = Pretrain(.template, session(tokenizer: tokenizer))
        let example = try whole.example(from: sample(#"{"text": "abc"}"#))
        #expect(example?.sequences[0].ids == bytes("abc", tokenizer) + [ByteTokenizer.end])
        let short = Pretrain(.template, session(length: 2, tokenizer: tokenizer))
        #expect(try short.example(from: sample(#"{"text": "abc"}"#))?.sequences[0].ids == bytes("ab", tokenizer))
    }

    @Test func `text without a tokenizer is refused`() {
        let trainer = Pretrain(.template, session())
        #expect(throws: InputError.self) { try trainer.example(from: sample(#"{"text": "abc"}"#)) }
    }

    @Test func `packed documents lie end to end and are cut at the sequence length`() throws {
        let trainer = Pretrain(.template, session(length: 4, micro: 2, packs: true))
        let examples = try ["[1, 2, 3]", "[4, 5, 6]", "[7, 8, 9]"].map { ids in
            try #require(try trainer.example(from: sample("{\"input_ids\": \(ids)}")))
        }
        let batches = try trainer.experience(from: examples)
        let sequences = batches.flatMap(\.sequences)
        #expect(sequences.map(\.ids) == [[1, 2, 3, 4], [5, 6, 7, 8], [9]])
        #expect(sequences.map(\.documentStarts) == [[0, 3], [0, 2], [0]])
        #expect(sequences[1].trained == [false, true, false, true])
        #expect(batches.map { $0.weights["tokens"] } == [4, 0])
    }

    // MARK: sft

    @Test func `sft trains completions only, and prompts too when asked`() throws {
        let tokenizer = try ByteTokenizer.make()
        let line = try sample(#"{"prompt": "ab", "completion": "c"}"#)
        let sft = SFT(.template, session(tokenizer: tokenizer))
        let sequence = try sft.example(from: line)?.sequences[0]
        #expect(sequence?.ids == bytes("abc", tokenizer) + [ByteTokenizer.end])
        #expect(sequence?.trained == [false, false, true, true])
        let all = SFT(try settings(SFT.Config.self, #"{"completion_only": false}"#), session(tokenizer: tokenizer))
        #expect(try all.example(from: line)?.sequences[0].trained == [false, true, true, true])
    }

    @Test func `sft trains what assistants say and the end of their turns`() throws {
        let tokenizer = try ByteTokenizer.make()
        let sft = SFT(.template, session(length: 100, tokenizer: tokenizer))
        let sequence = try #require(
            try sft.example(
                from: sample(
                    #"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "ok"}]}"#))
        ).sequences[0]
        let trained = zip(sequence.ids, sequence.trained).filter(\.1).map(\.0)
        #expect(trained == bytes("ok", tokenizer) + [ByteTokenizer.turnEnd])
        #expect(
            tokenizer.decode(sequence.ids)
                == "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\nok<|im_end|>\n")
    }

    @Test func `a conversation in two columns has the ids of the same conversation in one`() throws {
        let tokenizer = try ByteTokenizer.make()
        let sft = SFT(.template, session(length: 100, tokenizer: tokenizer))
        let user = #"{"role": "user", "content": "q"}"#
        let reply = #"{"role": "assistant", "content": "ok"}"#
        let one = try sft.example(from: sample("{\"messages\": [\(user), \(reply)]}"))?.sequences[0]
        let two = try sft.example(from: sample("{\"prompt\": [\(user)], \"completion\": [\(reply)]}"))?.sequences[0]
        #expect(one?.ids.dropLast() == two?.ids[...])
        #expect(one?.trained.dropLast() == two?.trained[...])
    }

    @Test(arguments: [("keep_start", [1, 2, 3] as [Int32]?), ("keep_end", [3, 4, 5]), ("drop", nil)])
    func `sft cuts off what is too long as it is told`(policy: String, expected: [Int32]?) throws {
        let sft = SFT(try settings(SFT.Config.self, "{\"truncation\": \"\(policy)\"}"), session(length: 3))
        let line = try sample(#"{"prompt_ids": [1, 2], "completion_ids": [3, 4, 5]}"#)
        #expect(try sft.example(from: line)?.sequences[0].ids == expected)
    }

    @Test func `a sample that loses its completion is left out`() throws {
        let sft = SFT(.template, session(length: 2))
        #expect(try sft.example(from: sample(#"{"prompt_ids": [1, 2], "completion_ids": [3]}"#)) == nil)
    }

    // MARK: dpo

    @Test func `dpo scores completions, weighs pairs, and carries the reference's scores`() throws {
        let engine = FixedEngine()
        engine.scores = { (0..<$0.scoredCount).map(Double.init) }
        let dpo = try DPO(.template, session(micro: 1, engine: engine))
        let line = #"{"prompt_ids": [1, 2], "chosen_ids": [3, 4], "rejected_ids": [5]}"#
        let examples = try (1...2).map { try #require(try dpo.example(from: sample(line, index: $0))) }
        let batches = try dpo.experience(from: examples)
        #expect(batches.count == 2)
        #expect(batches[0].sequences.map(\.ids) == [[1, 2, 3, 4], [1, 2, 5]])
        #expect(batches[0].sequences.map(\.trained) == [[false, false, true, true], [false, false, true]])
        #expect(batches[0].weights == ["pairs": 1])
        #expect(batches[0].tokenColumns["reference"] == [0, 1, 2])
    }

    @Test func `what a pair without a prompt begins with is its prompt`() throws {
        let dpo = try DPO(.template, session())
        let example = try dpo.example(from: sample(#"{"chosen_ids": [1, 2, 3, 4], "rejected_ids": [1, 2, 5, 4]}"#))
        #expect(example?.sequences.map(\.ids) == [[1, 2, 3, 4], [1, 2, 5, 4]])
        #expect(example?.sequences.map(\.trained) == [[false, false, true, true], [false, false, true, true]])
    }

    @Test func `dpo asks for the model that the run starts from, or for a directory`() throws {
        #expect(DPO.auxiliaryModels(.template) == [AuxiliaryModel(role: "reference", path: nil)])
        let config = try settings(DPO.Config.self, #"{"reference": "base"}"#)
        #expect(DPO.auxiliaryModels(config) == [AuxiliaryModel(role: "reference", path: "base")])
    }

    @Test func `a pair that loses a completion is left out`() throws {
        let dpo = try DPO(.template, session(length: 2))
        let line = #"{"prompt_ids": [1], "chosen_ids": [3], "rejected_ids": [5]}"#
        #expect(try dpo.example(from: sample(line)) != nil)
        let long = #"{"prompt_ids": [1, 2], "chosen_ids": [3], "rejected_ids": [5]}"#
        #expect(try dpo.example(from: sample(long)) == nil)
    }

    // MARK: grpo

    private func grpo(_ options: String, _ engine: FixedEngine, micro: Int = 4) throws -> GRPO {
        engine.rewards = ["table": TableReward([[10, 11]: 1, [12]: 0, [13]: 3])]
        let config = "{\"rewards\": [{\"name\": \"table\", \"weight\": 2}], \"num_generations\": 2\(options)}"
        return try GRPO(settings(GRPO.Config.self, config), session(micro: micro, engine: engine))
    }

    /// Two prompts; the first is completed with [10, 11] and [12] (rewards 2, 0), the second with [13] twice (6, 6).
    private func experience(_ options: String, micro: Int = 4) throws -> (batches: [MicroBatch], engine: FixedEngine) {
        let engine = FixedEngine()
        engine.completions = { _ in
            [
                GenerationResult(ids: [10, 11], logProbs: [-1, -2], finishReason: .stop),
                GenerationResult(ids: [12], logProbs: [-3], finishReason: .length),
                GenerationResult(ids: [13], logProbs: [-4], finishReason: .stop),
                GenerationResult(ids: [13], logProbs: [-5], finishReason: .stop),
            ]
        }
        let trainer = try grpo(options, engine, micro: micro)
        let examples = try ["[1]", "[2, 3]"].enumerated().map { index, ids in
            try #require(try trainer.example(from: sample("{\"prompt_ids\": \(ids)}", index: index)))
        }
        return (try trainer.experience(from: examples), engine)
    }

    @Test func `grpo samples a group for each prompt and judges it against itself`() throws {
        let (batches, engine) = try experience("")
        #expect(engine.requests.map(\.prompt) == [[1], [1], [2, 3], [2, 3]])
        #expect(Set(engine.requests.map { [$0.seed, $0.index] }).count == 4)
        let batch = batches[0]
        #expect(batch.sequences.map(\.ids) == [[1, 10, 11], [1, 12], [2, 3, 13], [2, 3, 13]])
        #expect(batch.scoredCount == 5)
        #expect(batch.tokenColumns["old"] == [-1, -2, -3, -4, -5])
        // Rewards 2 and 0: mean 1, standard deviation sqrt(2).
        let advantage = 1 / (2.0.squareRoot() + 1e-4)
        #expect(batch.tokenColumns["advantage"] == [advantage, advantage, -advantage, 0, 0])
        #expect(batch.policyVersion == 0)
        #expect(batch.metrics["reward"]?.sum == 14 && batch.metrics["reward"]?.weight == 4)
        #expect(batch.metrics["frac_reward_zero_std"]?.sum == 1 && batch.metrics["frac_reward_zero_std"]?.weight == 2)
        #expect(batch.metrics["completions/mean_length"]?.sum == 5)
        #expect(batch.metrics["completions/clipped_ratio"]?.sum == 1)
        #expect(batch.metrics["rewards/table/mean"]?.sum == 7)
        // Deviations from 3.5: -1.5, -3.5, 2.5, 2.5.
        #expect(abs((batch.metrics["reward_std"]?.sum ?? 0) - (27.0 / 3).squareRoot()) < 1e-12)
    }

    @Test(arguments: [
        ("dapo", [1, 1, 1, 1, 1], ["tokens": 5]),
        ("grpo", [0.5, 0.5, 1, 1, 1], ["completions": 4]),
        ("bnpo", [0.2, 0.2, 0.2, 0.2, 0.2], ["micro-batches": 1]),
        ("dr_grpo", [0.125, 0.125, 0.125, 0.125, 0.125], ["completions": 4]),
    ] as [(String, [Double], [String: Double])])
    func `each loss type shares the loss in its own way`(
        type: String, share: [Double], weights: [String: Double]
    ) throws {
        let batch = try experience(", \"max_completion_length\": 8, \"loss_type\": \"\(type)\"").batches[0]
        #expect(batch.tokenColumns["share"] == share)
        #expect(batch.weights == weights)
    }

    @Test func `truncated completions are left out of the loss when asked, and still count as completions`() throws {
        let batch = try experience(", \"mask_truncated_completions\": true, \"loss_type\": \"grpo\"").batches[0]
        #expect(batch.sequences.map(\.ids) == [[1, 10, 11], [2, 3, 13], [2, 3, 13]])
        #expect(batch.weights == ["completions": 4])
        #expect(batch.metrics["reward"]?.weight == 4)
    }

    @Test func `advantages can be scaled over the step, or not at all`() throws {
        let none = try experience(", \"scale_rewards\": \"none\"").batches[0]
        #expect(none.tokenColumns["advantage"] == [1, 1, -1, 0, 0])
        let batch = try experience(", \"scale_rewards\": \"batch\"").batches[0]
        let advantage = 1 / (3 + 1e-4)
        #expect(batch.tokenColumns["advantage"] == [advantage, advantage, -advantage, 0, 0])
    }

    @Test func `a completion that no reward can judge has no advantage and no place in the mean`() throws {
        let engine = FixedEngine()
        engine.completions = { _ in
            [[10, 11], [12], [99]].map { GenerationResult(ids: $0, logProbs: $0.map { _ in 0 }, finishReason: .stop) }
        }
        engine.rewards = ["table": TableReward([[10, 11]: 1, [12]: 0])]
        let trainer = try GRPO(
            settings(GRPO.Config.self, #"{"rewards": ["table"], "num_generations": 3}"#), session(engine: engine))
        let example = try #require(try trainer.example(from: sample(#"{"prompt_ids": [1]}"#)))
        let batch = try trainer.experience(from: [example])[0]
        let advantage = 0.5 / (0.5.squareRoot() + 1e-4)
        #expect(batch.tokenColumns["advantage"] == [advantage, advantage, -advantage, 0])
        #expect(batch.metrics["reward"]?.weight == 2)
    }

    @Test func `the same prompt twice in a step is completed with other random numbers`() throws {
        let engine = FixedEngine()
        engine.completions = { $0.map { _ in GenerationResult(ids: [12], logProbs: [0], finishReason: .stop) } }
        let trainer = try grpo("", engine)
        let example = try #require(try trainer.example(from: sample(#"{"prompt_ids": [1]}"#)))
        _ = try trainer.experience(from: [example, example])
        #expect(Set(engine.requests.map { [$0.seed, $0.index] }).count == 4)
    }

    @Test func `grpo asks for a reference only when it counts`() throws {
        #expect(GRPO.auxiliaryModels(.template).isEmpty)
        let config = try settings(GRPO.Config.self, #"{"rewards": ["table"], "beta": 0.1}"#)
        #expect(GRPO.auxiliaryModels(config) == [AuxiliaryModel(role: "reference", path: nil)])
    }

    @Test func `all of grpo's wrong settings are named at once`() {
        let error = #expect(throws: InputError.self) {
            try GRPO(settings(GRPO.Config.self, #"{"rewards": [], "num_generations": 1, "beta": -1}"#), session())
        }
        #expect(
            error?.description == "trainer.rewards: found none, expected at least one reward\n"
                + "trainer.num_generations: found 1, expected 2 or more\ntrainer.beta: found -1.0, expected 0 or more")
    }
}
