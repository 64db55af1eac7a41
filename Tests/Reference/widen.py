"""Runs transformers in true float64.

transformers up-casts to float32 inside norms, softmax, rotary tables and logits whatever the dtype of the weights, so
a model in float64 still rounds to 24 bits. `widened()` makes every such up-cast go to float64 while it is active, and
`NarrowFloatGuard` raises if any operation nevertheless produces a narrower float.
"""
import contextlib

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

NARROW = {torch.float32, torch.bfloat16, torch.float16}


class NarrowFloatGuard(TorchDispatchMode):
    """Raises when an operation returns a tensor narrower than float64."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        for leaf in tree_flatten(result)[0]:
            if isinstance(leaf, torch.Tensor) and leaf.dtype in NARROW:
                raise RuntimeError(f"{operation} returned {leaf.dtype} in a run that must be float64")
        return result


@contextlib.contextmanager
def widened():
    """Within: float32 means float64, for `dtype=`, `.to`, `.float()`, new tensors, and the rotary frequencies."""
    real_float32, real_float, real_method = torch.float32, torch.float, torch.Tensor.float
    real_default = torch.get_default_dtype()
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        with NarrowFloatGuard():
            yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = real_float32, real_float, real_method
        torch.set_default_dtype(real_default)
