"""Writes goldens/greedy.json: transformers' greedy continuations by every tiny architecture, in float32.

    python greedy_goldens.py        (after trajectories.py, which writes the models)

Untrained models soon repeat themselves, so of many random prompts those two are kept whose continuations have the most
different ids. `margin` is the smallest difference between the two best logits on the way: at least 2e-3, so that
rounding cannot change an id. Generation goes past an end-of-text id, as `forktail generate --ignore-eos` does.
"""
import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from alignment import random_ids
from architectures import ARCHITECTURES, EXPERTS

GOLDENS = Path(__file__).parent / "goldens"
CANDIDATES, KEPT, NEW, MARGIN = 150, 2, 40, 2e-3


def greedy(model, prompt):
    """By the cache, and again by whole forward passes, which must agree."""
    ids = torch.tensor([prompt])
    cached = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW,
                            eos_token_id=None, pad_token_id=0)[0].tolist()
    with torch.no_grad():
        best = model(input_ids=torch.tensor([cached])).logits[0, len(prompt) - 1:-1].topk(2)
    assert best.indices[:, 0].tolist() == cached[len(prompt):]
    return {"prompt_ids": prompt, "generated_ids": cached[len(prompt):],
            "margin": (best.values[:, 0] - best.values[:, 1]).min().item()}


def main():
    torch.set_num_threads(1)
    golden = {}
    for name in ARCHITECTURES | EXPERTS:
        model = AutoModelForCausalLM.from_pretrained(GOLDENS / name, dtype=torch.float32, attn_implementation="eager")
        generator = torch.Generator().manual_seed(3)
        prompts = [random_ids(generator, 3, 12) for _ in range(CANDIDATES)]
        cases = [case for case in (greedy(model.eval(), prompt) for prompt in prompts) if case["margin"] >= MARGIN]
        golden[name] = sorted(cases, key=lambda case: -len(set(case["generated_ids"])))[:KEPT]
        print(name, [f"{case['margin']:.1e} {len(set(case['generated_ids']))} different ids" for case in golden[name]])
    (GOLDENS / "greedy.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
