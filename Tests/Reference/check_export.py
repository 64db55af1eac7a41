"""Compares a saved model's log-probs in transformers with the file that `forktail score` wrote.

    forktail score --model DIR --input INPUT.jsonl --output SCORES.jsonl
    python check_export.py DIR INPUT.jsonl SCORES.jsonl

INPUT has {"input_ids": [...]} a line, optionally "labels"; SCORES {"logprobs": [...], "loss": ..., "tokens": ...} for
each. A directory with an adapter_config.json is loaded with PEFT on its base model. Exit status: 0 when nothing
differs by more than 1e-4, 1 otherwise, also when a weight is missing from the directory or left over in it.
"""
import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

TOLERANCE = 1e-4


def load(directory):
    """The model in float32 and the list of what was wrong with its weights."""
    if (Path(directory) / "adapter_config.json").exists():
        from peft import AutoPeftModelForCausalLM
        return AutoPeftModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval(), []
    model, report = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, output_loading_info=True,
                                                         attn_implementation="eager")
    wrong = [f"{kind}: {', '.join(map(str, report[kind]))}" for kind in sorted(report) if report[kind]]
    return model.eval(), wrong


def lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines() if line.strip()]


def main(directory, input_path, scores_path):
    inputs, scores = lines(input_path), lines(scores_path)
    if not inputs or len(inputs) != len(scores):
        print(f"{input_path} has {len(inputs)} lines and {scores_path} {len(scores)}; expected as many, and some")
        return 1
    model, wrong = load(directory)
    for message in wrong:
        print(f"weights of {directory}: {message}")
    worst = worst_loss = 0.0
    for number, (sample, score) in enumerate(zip(inputs, scores), 1):
        ids = torch.tensor(sample["input_ids"])
        labels = torch.tensor(sample.get("labels", sample["input_ids"]))
        with torch.no_grad():
            expected = torch.log_softmax(model(input_ids=ids[None]).logits[0, :-1].double(), -1)
        expected = expected.gather(-1, ids[1:, None])[:, 0]
        found = torch.tensor(score["logprobs"], dtype=torch.float64)
        trained = labels[1:] != -100
        if found.shape != expected.shape or score["tokens"] != int(trained.sum()):
            print(f"line {number}: found {len(found)} log-probs and {score['tokens']} trained tokens, "
                  f"expected {len(expected)} and {int(trained.sum())}")
            return 1
        if len(found):
            worst = max(worst, (found - expected).abs().nan_to_num(nan=float("inf")).max().item())
        if trained.any():
            worst_loss = max(worst_loss, abs(score["loss"] + expected[trained].mean().item()))
    print(f"max abs difference: log-probs {worst:.3e}, loss {worst_loss:.3e} over {len(inputs)} lines")
    return int(bool(wrong) or not max(worst, worst_loss) <= TOLERANCE)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
