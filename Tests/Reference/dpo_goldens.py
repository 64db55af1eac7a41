"""Writes goldens/dpo/: one batch of preference pairs through TRL's DPOTrainer (sigmoid, beta 0.1).

    python dpo_goldens.py
"""
import json
import tempfile

import torch
from datasets import Dataset
from safetensors.torch import save_file
from trl import DPOConfig, DPOTrainer

import alignment

PAIRS, BETA = 6, 0.1


def main():
    torch.set_num_threads(1)
    alignment.write_models()
    generator = torch.Generator().manual_seed(5)
    pairs = [{"prompt_ids": alignment.random_ids(generator, 2, 9),
              "chosen_ids": alignment.random_ids(generator, 1, 11) + [alignment.EOS],
              "rejected_ids": alignment.random_ids(generator, 1, 11) + [alignment.EOS]} for _ in range(PAIRS)]
    rows = [{"prompt": alignment.text(pair["prompt_ids"]) + " ", "chosen": alignment.text(pair["chosen_ids"]),
             "rejected": alignment.text(pair["rejected_ids"])} for pair in pairs]
    recorder = alignment.GradientRecorder()
    with tempfile.TemporaryDirectory() as scratch:
        config = DPOConfig(output_dir=scratch, per_device_train_batch_size=PAIRS, beta=BETA, loss_type=["sigmoid"],
                           dataloader_drop_last=True, **alignment.ONE_STEP)
        trainer = DPOTrainer(model=alignment.load(alignment.POLICY), ref_model=alignment.load(alignment.REFERENCE),
                             args=config, train_dataset=Dataset.from_list(rows), callbacks=[recorder],
                             processing_class=alignment.tokenizer())
        keys = ("prompt_ids", "chosen_ids", "rejected_ids")
        for row, pair in zip(trainer.train_dataset, pairs, strict=True):
            assert {key: row[key] for key in keys} == pair, (row, pair)
        trainer.train()
        metrics = alignment.recorded_metrics(trainer)
    names = ["loss", "grad_norm", "rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins",
             "logps/chosen", "logps/rejected"]
    directory = alignment.GOLDENS / "dpo"
    directory.mkdir(exist_ok=True)
    (directory / "batch.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    expected = {"beta": BETA, "loss_type": "sigmoid"} | {name: metrics[name] for name in names}
    (directory / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
    save_file(recorder.gradients, directory / "gradients.safetensors")
    print(json.dumps(expected, indent=2))


if __name__ == "__main__":
    main()
