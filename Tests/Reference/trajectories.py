"""Writes goldens/<architecture>/: a tiny Hugging Face directory, its training data, and 20 AdamW steps on it.

    python trajectories.py [ARCHITECTURE ...]

One trajectory in true float64 (widen.py), one in plain float32. The float64 run is repeated with every batch split
into single samples: the difference printed is what rounding alone does.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from architectures import ARCHITECTURES, EXPERTS
from experts import RoutingMargin, as_files, as_model
from widen import widened

GOLDENS = Path(__file__).parent / "goldens"
STEPS, BATCH, LENGTH = 20, 4, 24
LR, BETAS, EPS, DECAY, WARMUP, CLIP = 3e-3, (0.9, 0.95), 1e-8, 0.1, 5, 1.0


def initial_weights(model, generator):
    """Weights far from the trivial: norms around 1, biases around 0, both perturbed."""
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        is_norm = parameter.dim() == 1 and name.endswith("weight")
        scale = 0.3 if "embed_tokens" in name or "wte" in name else 0.1 if parameter.dim() == 1 else 0.15
        parameter.data.copy_(noise * scale + (1 if is_norm else 0))


def training_samples(generator, vocabulary):
    """Noisy arithmetic progressions; trained tokens vary from 2 to all, so that a mean of means would be wrong."""
    def integer(bound):
        return int(torch.randint(bound, (1,), generator=generator))

    samples = []
    for index in range(STEPS * BATCH):
        token, ids = integer(vocabulary), []
        for _ in range(LENGTH):
            ids.append(token)
            token = integer(vocabulary) if integer(5) == 0 else (3 * token + 7) % vocabulary
        labels = list(ids)
        if index % 4 != 3:
            prompt = integer(LENGTH - 2)
            labels[:prompt] = [-100] * prompt
        if index % 3 == 1:
            start = integer(LENGTH - 4)
            labels[start:start + 3] = [-100] * 3
        if all(label == -100 for label in labels[1:]):
            labels[-2:] = ids[-2:]
        samples.append({"input_ids": ids, "labels": labels})
    return samples


def losses_of(model, ids, labels):
    """Sum over trained tokens of -log p(label[t] | ids[<t]), t >= 1, and what the balancing loss of experts adds."""
    output = model(input_ids=ids)
    loss = torch.nn.functional.cross_entropy(output.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(),
                                             ignore_index=-100, reduction="sum")
    balance = getattr(output, "aux_loss", None)
    return loss, 0 if balance is None else model.config.router_aux_loss_coef * balance


def log_probabilities(model, ids):
    with torch.no_grad():
        scores = torch.log_softmax(model(input_ids=ids).logits[:, :-1], -1)
    return scores.gather(-1, ids[:, 1:, None])[..., 0].tolist()


def run(directory, weights, dtype, samples, micro_batch=BATCH):
    config = AutoConfig.from_pretrained(directory)
    config._attn_implementation = config._experts_implementation = "eager"
    config.dtype = dtype
    model = AutoModelForCausalLM.from_config(config)
    weights = as_model({name: value.to(dtype) for name, value in weights.items()}, model)
    result = model.load_state_dict(weights, strict=False)
    assert not result.unexpected_keys and all("lm_head" in name for name in result.missing_keys), result
    model.tie_weights()
    model.train()
    assert all(parameter.dtype == dtype for parameter in model.parameters())
    margin = RoutingMargin(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, betas=BETAS, eps=EPS, weight_decay=DECAY)
    first_two = torch.tensor([sample["input_ids"] for sample in samples[:2]])
    log_probs = log_probabilities(model, first_two)
    losses, norms = [], []
    for step in range(STEPS):
        batch = samples[step * BATCH:(step + 1) * BATCH]
        ids = torch.tensor([sample["input_ids"] for sample in batch])
        labels = torch.tensor([sample["labels"] for sample in batch])
        trained = int((labels[:, 1:] != -100).sum())
        optimizer.zero_grad()
        loss = 0.0
        for start in range(0, BATCH, micro_batch):
            rows = slice(start, start + micro_batch)
            loss_sum, balance = losses_of(model, ids[rows], labels[rows])
            # Micro-batches of the same number of tokens count alike.
            part = loss_sum / trained + balance * (micro_batch / BATCH)
            part.backward()
            loss += part.item()
        for group in optimizer.param_groups:
            group["lr"] = LR * min(1.0, (step + 1) / WARMUP)
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP).item())
        losses.append(loss)
        optimizer.step()
    final = {name: parameter.detach().double().contiguous() for name, parameter in model.named_parameters()}
    final = as_files(final, model.config.model_type)
    summary = {name: {"sum": value.sum().item(), "sumsq": value.square().sum().item(),
                      "first8": value.flatten()[:8].tolist()} for name, value in final.items()}
    return {"loss": losses, "grad_norm": norms, "logprobs": log_probs, "final": summary}, final, margin.smallest


def relative(left, right):
    return max(abs(a - b) / abs(b) for a, b in zip(left, right))


def seed(architecture):
    """Of mixtures of experts seeds were tried until no choice of an expert could turn on float32's rounding."""
    if architecture in EXPERTS:
        return {"mixtral": 2015, "mixtral-balanced": 2002, "qwen3-moe": 2024}[architecture]
    return 1000 + sorted(ARCHITECTURES).index(architecture)


def write(architecture):
    directory = GOLDENS / architecture
    directory.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(seed(architecture))
    config = (ARCHITECTURES | EXPERTS)[architecture]
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(directory))
    initial_weights(model, generator)
    start = {name: value.data.contiguous() for name, value in model.named_parameters()}
    save_file(as_files(start, config["model_type"]), directory / "model.safetensors", metadata={"format": "pt"})
    samples = training_samples(generator, model.config.vocab_size)
    lines = [json.dumps(sample, separators=(",", ":")) for sample in samples]
    (directory / "train.jsonl").write_text("\n".join(lines) + "\n")

    weights = load_file(directory / "model.safetensors")
    with widened():
        wide, final, margin = run(directory, weights, torch.float64, samples)
        split, split_final, _ = run(directory, weights, torch.float64, samples, micro_batch=1)
    narrow, narrow_final, _ = run(directory, weights, torch.float32, samples)
    narrow_split, _, _ = run(directory, weights, torch.float32, samples, micro_batch=1)
    (directory / "trajectory64.json").write_text(json.dumps(wide) + "\n")
    (directory / "trajectory32.json").write_text(json.dumps(narrow) + "\n")
    save_file(final, directory / "final64.safetensors")
    if config.get("output_router_logits"):
        # The balancing loss is not additive, so single samples are another run.
        (directory / "trajectory64-split.json").write_text(json.dumps(split) + "\n")

    def difference(one, other):
        return max(((one[name] - other[name]).norm() / one[name].norm()).item() for name in one)

    print(f"{architecture}: parameters {sum(v.numel() for v in final.values())}, loss {wide['loss'][0]:.4f} -> "
          f"{wide['loss'][-1]:.4f}, grad norm {min(wide['grad_norm']):.3f}..{max(wide['grad_norm']):.3f}, "
          f"smallest margin of a choice of experts {margin:.1e}")
    for label, one, other in [("float64 split", split, wide), ("float32 against float64", narrow, wide),
                              ("float32 split", narrow_split, narrow)]:
        print(f"  {label}: loss {relative(one['loss'], other['loss']):.1e}, grad norm "
              f"{relative(one['grad_norm'], other['grad_norm']):.1e} (first 5 steps "
              f"{relative(one['grad_norm'][:5], other['grad_norm'][:5]):.1e}), log-probs "
              + f"{max(abs(a - b) for x, y in zip(one['logprobs'], other['logprobs']) for a, b in zip(x, y)):.1e}")
    print(f"  final parameters, worst relative norm: float64 split {difference(final, split_final):.1e}, "
          f"float32 {difference(final, narrow_final):.1e}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or ARCHITECTURES | EXPERTS:
        write(name)
