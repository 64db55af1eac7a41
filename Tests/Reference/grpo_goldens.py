"""Writes goldens/grpo/: one optimizer step of TRL's GRPOTrainer on fixed completions, rewards and old log-probs.

    python grpo_goldens.py        (after dpo_goldens.py, which writes the policy and the reference)

Generation is replaced by a rollout function, and `old_per_token_logps` by values away from the policy's own, so that
clipping works in both directions; everything else is TRL's. With beta > 0 both forms of the KL term are written: times
the ratio (`use_bias_correction_kl`, TRL's default), the ratio differentiated too, and plain.
"""
import json
import os
import tempfile

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"

import torch
from datasets import Dataset
from safetensors.torch import save_file
from trl import GRPOConfig, GRPOTrainer

import alignment

PROMPTS, GROUP, EPSILON = 3, 4, 0.2
REWARDS = [[1.0, 0.0, 0.25, 1.0], [0.5, 0.5, 0.5, 0.5], [0.0, 0.0, 2.0, 0.0]]
METRICS = ["loss", "grad_norm", "reward", "reward_std", "frac_reward_zero_std", "kl", "entropy", "clip_ratio/low_mean",
           "clip_ratio/high_mean", "clip_ratio/region_mean", "clip_ratio/low_min", "clip_ratio/high_max"]


def log_probabilities(model, prompt, completion):
    ids = torch.tensor([prompt + completion])
    with torch.no_grad():
        scores = torch.log_softmax(model(input_ids=ids).logits[0, len(prompt) - 1:-1], -1)
    return scores.gather(-1, ids[0, len(prompt):, None])[:, 0]


def old_log_probabilities(policy, row, generator):
    """The policy's own plus noise of 0.25, no ratio within 0.002 of a clipping bound."""
    current = log_probabilities(policy, row["prompt_ids"], row["completion_ids"])
    noise = 0.25 * torch.randn(current.shape, generator=generator)
    for bound in (1 - EPSILON, 1 + EPSILON):
        noise = torch.where((torch.exp(noise) - bound).abs() < 2e-3, noise + 0.01, noise)
    return (current - noise).tolist()


def make_batch():
    generator = torch.Generator().manual_seed(6)
    policy, rows = alignment.load(alignment.POLICY), []
    for group in range(PROMPTS):
        prompt = alignment.random_ids(generator, 2, 8)
        for member in range(GROUP):
            completion = alignment.random_ids(generator, 1, 12)
            if member != 3:
                completion.append(alignment.EOS)
            row = {"group": group, "prompt_ids": prompt, "completion_ids": completion,
                   "reward": REWARDS[group][member]}
            rows.append(row | {"old_logprobs": old_log_probabilities(policy, row, generator)})
    return rows


class FixedOldLogProbs(GRPOTrainer):
    """TRL's trainer, told what the behaviour policy's log-probs were."""

    fixed_rows = ()
    seen = None

    def _generate_and_score_completions(self, inputs):
        output = super()._generate_and_score_completions(inputs)
        width = output["completion_ids"].shape[1]
        output["old_per_token_logps"] = torch.tensor(
            [row["old_logprobs"] + [0.0] * (width - len(row["old_logprobs"])) for row in self.fixed_rows])
        type(self).seen = {name: value.clone() for name, value in output.items() if isinstance(value, torch.Tensor)}
        return output


def run(rows, loss_type, beta, corrected, micro_batches=1):
    FixedOldLogProbs.fixed_rows = rows
    prompts = [{"prompt": alignment.text(rows[group * GROUP]["prompt_ids"])} for group in range(PROMPTS)]
    recorder = alignment.GradientRecorder()

    def rollout(texts, trainer):
        assert texts == [alignment.text(row["prompt_ids"]) for row in rows], texts
        return {"prompt_ids": [row["prompt_ids"] for row in rows],
                "completion_ids": [row["completion_ids"] for row in rows], "logprobs": None}

    def reward(completion_ids, **columns):
        assert completion_ids == [row["completion_ids"] for row in rows]
        return [row["reward"] for row in rows]

    with tempfile.TemporaryDirectory() as scratch:
        config = GRPOConfig(output_dir=scratch, loss_type=loss_type, beta=beta, epsilon=EPSILON,
                            use_bias_correction_kl=corrected,
                            num_generations=GROUP, max_completion_length=16, shuffle_dataset=False,
                            per_device_train_batch_size=len(rows) // micro_batches,
                            gradient_accumulation_steps=micro_batches, **alignment.ONE_STEP)
        trainer = FixedOldLogProbs(model=alignment.load(alignment.POLICY), reward_funcs=reward, args=config,
                                   train_dataset=Dataset.from_list(prompts), rollout_func=rollout,
                                   processing_class=alignment.tokenizer(), callbacks=[recorder])
        if beta != 0:
            trainer.ref_model.load_state_dict(alignment.load(alignment.REFERENCE).state_dict())
        trainer.train()
        metrics = alignment.recorded_metrics(trainer)
    return {name: metrics[name] for name in METRICS if name in metrics}, recorder.gradients, FixedOldLogProbs.seen


def unpadded(values, rows):
    return [line[:len(row["completion_ids"])] for line, row in zip(values.tolist(), rows, strict=True)]


def main():
    torch.set_num_threads(1)
    rows, cases = make_batch(), []
    directory = alignment.GOLDENS / "grpo"
    directory.mkdir(exist_ok=True)
    for loss_type in ("grpo", "dapo"):
        for beta, corrected in ((0.0, False), (0.04, False), (0.04, True)):
            metrics, gradients, seen = run(rows, loss_type, beta, corrected)
            split, split_gradients, _ = run(rows, loss_type, beta, corrected, micro_batches=2)
            name = f"gradients-{loss_type}-beta{beta}{'-corrected' * corrected}.safetensors"
            save_file(gradients, directory / name)
            cases.append({"loss_type": loss_type, "beta": beta, "use_bias_correction_kl": corrected,
                          "gradients": name} | metrics)
            apart = max((gradients[key] - split_gradients[key]).norm() / gradients[key].norm() for key in gradients)
            print(json.dumps(cases[-1]), "\n  in two micro-batches: loss", split["loss"], "gradients apart by",
                  f"{apart:.1e}")
    expected = {"group_size": GROUP, "epsilon": EPSILON, "advantages": seen["advantages"].tolist(),
                "reference_logprobs": unpadded(seen["ref_per_token_logps"], rows), "cases": cases}
    (directory / "batch.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (directory / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
