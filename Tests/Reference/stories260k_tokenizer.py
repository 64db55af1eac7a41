"""Writes goldens/stories260k_tokenizer.json: the tokenizer of the stories260K checkpoint in tokenizer.json form.

    python3 Tests/Reference/stories260k_tokenizer.py tok512.bin > Tests/Reference/goldens/stories260k_tokenizer.json

tok512.bin is llama2.c's form: the longest token's length, then score, length and bytes of each token, little-endian.
A SentencePiece BPE merges the pair whose join scores best; as merges that is every split of every token, best first.
"""

import json
import struct
import sys

SPACE = "\u2581"


def tokens(data):
    offset = 4
    while offset < len(data):
        score, length = struct.unpack_from("<fi", data, offset)
        offset += 8
        yield data[offset:offset + length].decode("utf-8"), score
        offset += length


def main():
    data = open(sys.argv[1], "rb").read()
    names = {0: "<unk>", 1: "<s>", 2: "</s>"}
    vocabulary, scores = {}, {}
    for index, (text, score) in enumerate(tokens(data)):
        text = names.get(index, text.replace(" ", SPACE))
        vocabulary[text] = index
        scores[text] = score
    merges = []
    for text, index in vocabulary.items():
        if index < 259:
            continue
        splits = [(text[:cut], text[cut:]) for cut in range(1, len(text))]
        splits = [split for split in splits if split[0] in vocabulary and split[1] in vocabulary]
        splits.sort(key=lambda split: (vocabulary[split[0]], vocabulary[split[1]]))
        merges += [(-scores[text], split) for split in splits]
    merges.sort(key=lambda merge: merge[0])

    def replace(old, new, kind="String"):
        return {"type": "Replace", "pattern": {kind: old}, "content": new}

    def special(index):
        return {"id": index, "content": names[index], "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True}

    result = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [special(index) for index in names],
        # SentencePiece's remove_extra_whitespaces, then its dummy prefix.
        "normalizer": {"type": "Sequence", "normalizers": [
            replace(r"\A +| +\z", "", "Regex"), replace(" {2,}", " ", "Regex"),
            {"type": "Prepend", "prepend": SPACE}, replace(" ", SPACE)]},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            replace(SPACE, " "), {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": vocabulary, "merges": [" ".join(split) for _, split in merges]},
    }
    json.dump(result, sys.stdout, indent=1)
    print()


main()
