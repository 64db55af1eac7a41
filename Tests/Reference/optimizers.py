"""Writes goldens/optimizers.json: five steps of each optimizer on two small parameters, in float64.

    python optimizers.py

AdamW and SGD are torch's own (SGD: decay is added to the gradient, the first momentum is the first gradient). Lion and
Muon are written here from their sources in numpy:

Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", arXiv 2302.06675, Algorithm 2):
    c = b1 m + (1 - b1) g;  w -= lr (sign(c) + decay w);  m = b2 m + (1 - b2) g;  sign(0) = 0.

Muon (Keller Jordan, 2024, https://kellerjordan.github.io/posts/muon/), matrices only:
    m = mu m + (1 - mu) g;  u = (1 - mu) g + mu m (Nesterov) or m;
    X = u / (|u|_F + 1e-7), transposed while rows > columns; five times A = X X^T, X = a X + (b A + c A A) X,
    (a, b, c) = (3.4445, -4.7750, 2.0315);  w = w (1 - lr decay) - lr sqrt(max(1, rows / columns)) X.
The published code runs the iteration in bfloat16; here it is float64. Variants with their own cases: no Nesterov; the
momentum of the first release, m = mu m + g, u = g + mu m, which differs from the above by a factor that the
normalisation removes, so the steps are equal but for the 1e-7; and Moonshot's scale 0.2 sqrt(max(rows, columns)) in
place of sqrt(max(1, rows / columns)) (Liu et al. 2025, arXiv 2502.16982).
"""
import json
from pathlib import Path

import numpy
import torch

STEPS, SHAPES = 5, {"matrix": (4, 3), "wide": (2, 5)}


def adamw_torch(**options):
    return torch_steps(lambda values: torch.optim.AdamW(values, **options))


def sgd_torch(**options):
    return torch_steps(lambda values: torch.optim.SGD(values, **options))


def torch_steps(make):
    def run(initial, gradients):
        values = {name: torch.tensor(value, requires_grad=True) for name, value in initial.items()}
        optimizer, history = make(list(values.values())), []
        for step in gradients:
            for name, value in values.items():
                value.grad = torch.tensor(step[name])
            optimizer.step()
            history.append({name: value.detach().numpy().copy() for name, value in values.items()})
        return history
    return run


def each(rule):
    """Lifts a rule (weight, gradient, state) -> weight to steps over all parameters."""
    def run(initial, gradients):
        values, history = dict(initial), []
        states = {name: {"m": numpy.zeros_like(value)} for name, value in initial.items()}
        for step in gradients:
            values = {name: rule(value, step[name], states[name]) for name, value in values.items()}
            history.append(values)
        return history
    return run


def lion(lr, betas, weight_decay):
    def rule(weight, gradient, state):
        direction = numpy.sign(betas[0] * state["m"] + (1 - betas[0]) * gradient)
        state["m"] = betas[1] * state["m"] + (1 - betas[1]) * gradient
        return weight - lr * (direction + weight_decay * weight)
    return each(rule)


def newton_schulz(update, steps=5, eps=1e-7):
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = update.shape[0] > update.shape[1]
    x = update.T if tall else update
    x = x / (numpy.linalg.norm(x) + eps)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


def muon(lr, momentum, weight_decay, nesterov=True, averaged=True, moonshot=False):
    def rule(weight, gradient, state):
        fresh = 1 - momentum if averaged else 1.0
        state["m"] = momentum * state["m"] + fresh * gradient
        update = newton_schulz(fresh * gradient + momentum * state["m"] if nesterov else state["m"])
        rows, columns = weight.shape
        scale = 0.2 * max(rows, columns) ** 0.5 if moonshot else max(1.0, rows / columns) ** 0.5
        return weight * (1 - lr * weight_decay) - lr * scale * update
    return each(rule)


CASES = [
    ("adamw", adamw_torch, {"lr": 3e-3, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1}),
    ("adamw", adamw_torch, {"lr": 1e-2, "betas": (0.8, 0.999), "eps": 1e-6, "weight_decay": 0.0}),
    ("sgd", sgd_torch, {"lr": 1e-2, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0}),
    ("sgd", sgd_torch, {"lr": 1e-2, "momentum": 0.9, "nesterov": False, "weight_decay": 0.1}),
    ("sgd", sgd_torch, {"lr": 1e-2, "momentum": 0.9, "nesterov": True, "weight_decay": 0.0}),
    ("lion", lion, {"lr": 1e-3, "betas": (0.9, 0.99), "weight_decay": 0.1}),
    ("muon", muon, {"lr": 2e-2, "momentum": 0.95, "weight_decay": 0.0, "nesterov": True}),
    ("muon", muon, {"lr": 2e-2, "momentum": 0.95, "weight_decay": 0.1, "nesterov": True}),
    ("muon", muon, {"lr": 2e-2, "momentum": 0.95, "weight_decay": 0.0, "nesterov": False}),
    ("muon", muon, {"lr": 2e-2, "momentum": 0.95, "weight_decay": 0.0, "nesterov": True, "averaged": False}),
    ("muon", muon, {"lr": 2e-2, "momentum": 0.95, "weight_decay": 0.1, "nesterov": True, "moonshot": True}),
]


def check_muon_against_torch(initial, gradients, history, options):
    """torch.optim.Muon iterates in bfloat16: near, not equal."""
    values = {name: torch.tensor(value, requires_grad=True) for name, value in initial.items()}
    optimizer = torch.optim.Muon(list(values.values()), lr=options["lr"], momentum=options["momentum"],
                                 weight_decay=options["weight_decay"], nesterov=options["nesterov"])
    for step in gradients:
        for name, value in values.items():
            value.grad = torch.tensor(step[name])
        optimizer.step()
    return max(float(numpy.abs(value.detach().numpy() - history[-1][name]).max()) for name, value in values.items())


def main():
    random = numpy.random.default_rng(11)
    initial = {name: random.normal(size=shape) for name, shape in SHAPES.items()}
    gradients = [{name: random.normal(size=shape) * 10.0 ** random.integers(-3, 2) for name, shape in SHAPES.items()}
                 for _ in range(STEPS)]
    for step in gradients:
        step["matrix"][0, 0] = 0.0
    gradients[2]["matrix"][1] = 0.0
    cases = []
    for name, make, options in CASES:
        history = make(**options)(initial, gradients)
        cases.append({"optimizer": name} | options |
                     {"after": [{key: value.tolist() for key, value in step.items()} for step in history]})
        if name == "muon" and not options.get("moonshot"):
            print(f"muon {options}: from torch.optim.Muon by",
                  f"{check_muon_against_torch(initial, gradients, history, options):.1e}")
    golden = {"initial": {name: value.tolist() for name, value in initial.items()},
              "gradients": [{name: value.tolist() for name, value in step.items()} for step in gradients],
              "cases": cases}
    (Path(__file__).parent / "goldens" / "optimizers.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
