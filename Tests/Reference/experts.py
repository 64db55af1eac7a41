"""Experts as files hold them, a matrix each, and as transformers' models do, those of a layer in one tensor."""
import re

import torch

# Family: (what a layer's experts are called, gate, up, down).
NAMES = {
    "mixtral": ("block_sparse_moe", "w1", "w3", "w2"),
    "qwen3_moe": ("mlp", "gate_proj", "up_proj", "down_proj"),
}
PACKED = re.compile(r"(.*)\.mlp\.experts\.(gate_up_proj|down_proj)$")


def as_files(tensors, model_type):
    """{name of a file: tensor} of {name of the model: tensor}."""
    if model_type not in NAMES:
        return tensors
    layer, gate, up, down = NAMES[model_type]
    result = {}
    for name, value in tensors.items():
        match = PACKED.match(name)
        if not match:
            result[name.replace(".mlp.gate.", f".{layer}.gate.")] = value
            continue
        for expert, matrix in enumerate(value):
            prefix = f"{match[1]}.{layer}.experts.{expert}."
            parts = zip((gate, up), matrix.chunk(2)) if match[2] == "gate_up_proj" else [(down, matrix)]
            result |= {f"{prefix}{part}.weight": half.contiguous() for part, half in parts}
    return result


def as_model(tensors, model):
    """The state dict of a model from the tensors of its file."""
    model_type = model.config.model_type
    if model_type not in NAMES:
        return tensors
    shapes = {name: value.shape for name, value in model.named_parameters()}
    packed = {name: torch.zeros(shape, dtype=next(iter(tensors.values())).dtype) for name, shape in shapes.items()
              if PACKED.match(name)}
    layer, gate, up, down = NAMES[model_type]
    for name, value in packed.items():
        prefix = f"{PACKED.match(name)[1]}.{layer}.experts"
        for expert in range(len(value)):
            parts = (gate, up) if "gate_up" in name else (down,)
            value[expert] = torch.cat([tensors[f"{prefix}.{expert}.{part}.weight"] for part in parts])
    dense = {name.replace(f".{layer}.gate.", ".mlp.gate."): value for name, value in tensors.items()
             if ".experts." not in name}
    return dense | packed


class RoutingMargin:
    """The smallest difference between the probabilities of the last expert chosen and the first left out."""

    def __init__(self, model):
        self.smallest = float("inf")
        for module in model.modules():
            if type(module).__name__.endswith("TopKRouter"):
                module.register_forward_hook(self._see)

    def _see(self, router, _, output):
        best = torch.softmax(output[0].detach().double(), -1).topk(router.top_k + 1).values
        self.smallest = min(self.smallest, (best[:, -2] - best[:, -1]).min().item())
