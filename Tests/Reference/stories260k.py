"""Writes goldens/stories260k/: what the published 260K-parameter story model must give.

    python stories260k.py CKPT_STORIES260K TINYSTORIES_SAMPLE        (the two data folders)

The negative log-likelihood, 1.2876, is of the first 256 ids of the first story of tinystories_sample.txt: the story
stripped of surrounding white space, encoded by tok512.model (SentencePiece), BOS (1) in front, cut at 256 ids; one
window, no padding; the mean over the 255 predictions of -log p(ids[t] | ids[<t]). The greedy text is llama2.c's: from
BOS alone, 200 new ids at temperature 0, decoded with the leading space of the first word removed.
"""
import json
import sys
from pathlib import Path

import sentencepiece
import torch
from transformers import AutoModelForCausalLM

GOLDENS = Path(__file__).parent / "goldens" / "stories260k"
BOS, WINDOW, NEW = 1, 256, 200


def main(checkpoint, stories):
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(checkpoint / "tok512.model"))
    model = AutoModelForCausalLM.from_pretrained(checkpoint / "derived_hf", dtype=torch.float32)
    story = (stories / "tinystories_sample.txt").read_text().split("<|endoftext|>")[0].strip()
    ids = [BOS] + pieces.encode(story)[:WINDOW - 1]
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].double()
        log_probs = torch.log_softmax(logits, -1).gather(-1, torch.tensor(ids[1:])[:, None])[:, 0]
        greedy = [BOS]
        for _ in range(NEW):
            greedy.append(int(model(input_ids=torch.tensor([greedy])).logits[0, -1].argmax()))
    text = pieces.decode(greedy[1:])
    loss = -log_probs.mean().item()
    published = (checkpoint / "expected_stdout.txt").read_text()
    agrees = text == published.rstrip("\n")
    print(f"mean NLL {loss:.6f} over {len(log_probs)} predictions; greedy text equals the published: {agrees}")
    GOLDENS.mkdir(parents=True, exist_ok=True)
    (GOLDENS / "ids.jsonl").write_text(json.dumps({"input_ids": ids}) + "\n")
    (GOLDENS / "expected.json").write_text(json.dumps(
        {"loss": loss, "tokens": len(log_probs), "logprobs": log_probs.tolist(), "greedy_prompt_ids": [BOS],
         "greedy_ids": greedy[1:], "greedy_text": text}, ensure_ascii=True) + "\n")
    return 0 if agrees and abs(loss - 1.2876) < 5e-4 else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
