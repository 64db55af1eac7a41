"""What the TRL goldens share: a tiny policy, another frozen reference, a word-per-id tokenizer, one recorded step."""
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback

from architectures import ARCHITECTURES
from trajectories import initial_weights

GOLDENS = Path(__file__).parent / "goldens"
POLICY, REFERENCE = GOLDENS / "policy", GOLDENS / "reference"
VOCABULARY, EOS, PAD = 97, 2, 0
# One optimizer step whose gradient is looked at, in float32, without clipping.
ONE_STEP = {
    "activation_checkpointing": False, "max_steps": 1, "learning_rate": 0.0, "optim": "sgd", "max_grad_norm": 1e9,
    "bf16": False, "use_cpu": True, "report_to": "none", "save_strategy": "no", "logging_steps": 1, "seed": 0,
    "disable_tqdm": True,
}


def write_models():
    """The reference is the policy plus noise of 0.02, so that log-ratios are neither zero nor huge."""
    generator = torch.Generator().manual_seed(77)
    for directory in (POLICY, REFERENCE):
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "config.json").write_text(json.dumps(ARCHITECTURES["llama"], indent=2) + "\n")
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(POLICY))
    initial_weights(model, generator)
    weights = {name: value.data.clone() for name, value in model.named_parameters()}
    save_file(weights, POLICY / "model.safetensors", metadata={"format": "pt"})
    shifted = {name: value + 0.02 * torch.randn(value.shape, generator=generator)
               for name, value in sorted(weights.items())}
    save_file(shifted, REFERENCE / "model.safetensors", metadata={"format": "pt"})


def load(directory):
    return AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")


def tokenizer():
    vocabulary = {f"<{index}>": index for index in range(VOCABULARY)}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<1>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token=f"<{EOS}>", pad_token=f"<{PAD}>")


def text(ids):
    return " ".join(f"<{index}>" for index in ids)


def random_ids(generator, low, high):
    length = int(torch.randint(low, high + 1, (1,), generator=generator))
    return torch.randint(3, VOCABULARY, (length,), generator=generator).tolist()


class GradientRecorder(TrainerCallback):
    """Keeps the gradient of every parameter as it stands just before the optimizer's step."""

    def __init__(self):
        self.gradients = {}

    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        self.gradients = {name: value.grad.detach().clone().contiguous() for name, value in model.named_parameters()}


def recorded_metrics(trainer):
    return next(entry for entry in trainer.state.log_history if "grad_norm" in entry)
