"""Writes goldens/tokenizers.json: what Hugging Face tokenizers 0.23.3 makes of texts with every component that loads.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python Tests/Reference/tokenizer_goldens.py > Tests/Reference/goldens/tokenizers.json

Every case is a tokenizer.json given by what differs from a common base, and rows of text, ids (with special tokens
added) and the texts decoded with and without special tokens. The trainer's cases hold a text, options and the merges.
An argument N adds N random texts a case, for a longer comparison than the golden holds.
"""

import copy
import json
import random
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

CORPUS = """The quick brown fox jumps over the lazy dog, and the dog doesn't mind: it's 12 years old, or 123.
She said "we'll see", they'd said they've seen 2024 and 3.14159; I'm sure that's all there is to say.
    def add(first, second):
        return first + second

Les \u00e9l\u00e8ves \u00e9taient d\u00e9j\u00e0 l\u00e0. \
\u1f08\u03c1\u03c7\u1f74 \u03c0\u03b1\u03bd\u03c4\u03cc\u03c2. \
\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \
\u4f60\u597d\uff0c\u4e16\u754c\u3002 \
\uc548\ub155\ud558\uc138\uc694 \
\u0928\u092e\u0938\u094d\u0924\u0947 \U0001f642\U0001f44d\U0001f3fd
"""

TEXTS = [
    "", " ", "Hello, world! it's the dog's 2024", "  two  spaces \n\n\n tabs\t\tand\r\nlines  ",
    "na\u00efve caf\u00e9 cafe\u0301", "<s>the dog</s> <pad>  <mask> end", "xfoxx fox, foxes <fox>",
    "12345 \u0663\u0664\u0665 \u00bd \u2163 x1y2",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002\uc548\ub155 \U0001f642\U0001f44d\U0001f3fd "
    "\u0928\u092e\u0938\u094d\u0924\u0947",
    "\u00a0nbsp\u3000wide\u0085next\u2028line", "The DOG DIDN'T SEE; \u1f08\u03c1\u03c7\u1f74 \u01c5 \u0130",
    "a_b-c--d...e!?\u00bf", "\x00\x7f\u200d", " leading", "trailing ", "ol\u00e9! \u00e9!", "one\ntwo two\r\nthree",
    "the the  the   the", "\ufb01 \u212b \u1e9b\u0323 \uac00\u11a8",
]

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
GPT2 = dict(BYTE_LEVEL, use_regex=True)


def sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def added(id, content, special=True, **flags):
    token = {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": not special, "special": special}
    return dict(token, **flags)


def train(text, size, pre_tokenizer, **options):
    tokenizer = Tokenizer(models.BPE(**options.pop("model", {})))
    tokenizer.pre_tokenizer = pre_tokenizer
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, **options)
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def base():
    tokenizer = train(CORPUS, 400, pre_tokenizers.ByteLevel(add_prefix_space=False),
                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<s>", "</s>", "<pad>"])
    tokenizer.decoder = decoders.ByteLevel()
    return json.loads(tokenizer.to_str())


def byte_fallback():
    """Llama 2's form: no pieces, spaces as U+2581, bytes as <0x00>."""
    text = "\u2581" + CORPUS.split("Les")[0].replace(" ", "\u2581")
    tokenizer = train(text, 600, pre_tokenizers.Split("\u2581", "merged_with_next"),
                      special_tokens=["<unk>", "<s>", "</s>"] + ["<0x%02X>" % byte for byte in range(256)])
    model = json.loads(tokenizer.to_str())["model"]
    model.update(byte_fallback=True, unk_token="<unk>", fuse_unk=True)
    return {
        "model": model,
        "added_tokens": [added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")],
        "pre_tokenizer": None,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "post_processor": template(["<s>"], []),
    }


def template(before, after):
    ids = {"<s>": 0, "</s>": 1}
    pieces = [{"SpecialToken": {"id": t, "type_id": 0}} for t in before] + [{"Sequence": {"id": "A", "type_id": 0}}]
    pieces += [{"SpecialToken": {"id": t, "type_id": 0}} for t in after]
    return {"type": "TemplateProcessing", "single": pieces, "pair": pieces + [{"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {t: {"id": t, "ids": [ids[t]], "tokens": [t]} for t in before + after}}


def cases():
    specials = [added(0, "<s>"), added(1, "</s>"), added(2, "<pad>")]
    found = {
        "gpt2": {},
        "prefix space": {"pre_tokenizer": dict(GPT2, add_prefix_space=True)},
        "digits": {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": True}, GPT2)},
        "digit runs, prefix space": {"pre_tokenizer": sequence(
            {"type": "Digits", "individual_digits": False}, dict(GPT2, add_prefix_space=True))},
        "llama3": {"pre_tokenizer": sequence(split({"Regex": LLAMA3}), BYTE_LEVEL), "ignore_merges": True,
                   "post_processor": {"type": "Sequence", "processors": [
                       dict(BYTE_LEVEL), template(["<s>"], [])]}},
        "qwen2": {"pre_tokenizer": sequence(split({"Regex": QWEN2}), BYTE_LEVEL), "normalizer": {"type": "NFC"}},
        "punctuation": {"pre_tokenizer": sequence({"type": "Punctuation", "behavior": "Isolated"}, BYTE_LEVEL)},
        "whitespace": {"pre_tokenizer": sequence({"type": "Whitespace"}, BYTE_LEVEL)},
        "whitespace split": {"pre_tokenizer": sequence({"type": "WhitespaceSplit"}, BYTE_LEVEL)},
        "lowercase NFKC": {"normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFKC"}, {"type": "Lowercase"},
            {"type": "Replace", "pattern": {"Regex": "[aeiou]{2,}"}, "content": "_"}]}},
        "NFD": {"normalizer": {"type": "NFD"}},
        "template": {"post_processor": template(["<s>"], ["</s>"])},
        "roberta": {"post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0],
                                       "trim_offsets": True, "add_prefix_space": False}},
        "added tokens": {"normalizer": {"type": "Lowercase"}, "added_tokens": specials + [
            added(400, "<mask>", lstrip=True), added(401, "fox", special=False, single_word=True),
            added(402, "foxes", special=False), added(403, "DOG", special=False),
            added(404, "  ", special=False), added(405, "\u00e9!", special=False, normalized=False),
            added(406, "<pad> ", special=False, normalized=False, rstrip=True)]},
        "no decoder": {"decoder": None},
        "llama2": byte_fallback(),
    }
    for behavior in ["Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        for invert in [False, True]:
            name = "split %s%s" % (behavior, " inverted" if invert else "")
            found[name] = {"pre_tokenizer": sequence(split({"Regex": r"\s"}, behavior, invert), BYTE_LEVEL)}
    found["line anchors"] = {"pre_tokenizer": sequence(split({"Regex": r"^\w+|\w+$"}), BYTE_LEVEL)}
    found["words"] = {"pre_tokenizer": sequence(split({"Regex": r"[\w']+|\W"}), BYTE_LEVEL)}
    found["split on a literal"] = {"pre_tokenizer": sequence(split({"String": "the"}), BYTE_LEVEL)}
    found["empty matches"] = {"pre_tokenizer": sequence(split({"Regex": "x*"}), BYTE_LEVEL)}
    return found


def tokenizer_json(base, changes):
    changes = copy.deepcopy(changes)
    result = copy.deepcopy(base)
    if "ignore_merges" in changes:
        result["model"]["ignore_merges"] = changes.pop("ignore_merges")
    result.update(changes)
    return result


def random_texts(count):
    pools = [
        "abcdeXYZ ", "the dog's fox ", " \t\n\r\u00a0\u2028\u3000", "0123456789\u00bd\u2163\u0663",
        "\u00e9\u00e0\u00fc\u00f1\u0301\u0323", "\u4f60\u597d\u4e16\u754c\uff0c\u3002",
        "\uc548\ub155\u1100\u1161\u11a8", "\u0928\u092e\u0938\u094d\u0924\u0947",
        "\U0001f642\U0001f44d\U0001f3fd\u200d\U0001f469", ".,;!?'\"()-_", "\u01c5\u0130\u017f\u03a3\u03c2",
    ]
    words = ["<s>", "</s>", "<pad>", "<mask>", "fox", "foxes", "DOG", "don't", "WE'LL", "  ", "\u00e9!"]
    for _ in range(count):
        parts = []
        for _ in range(random.randint(1, 8)):
            pool = random.choice(pools)
            parts.append(random.choice(words) if random.random() < 0.3 else
                         "".join(random.choice(pool) for _ in range(random.randint(1, 6))))
        yield "".join(parts)


def rows(tokenizer, texts):
    for text in texts:
        ids = tokenizer.encode(text).ids
        yield {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False),
               "plain": tokenizer.decode(ids, skip_special_tokens=True)}


def trainings():
    for name, size, digits, least in [("plain", 420, False, 0), ("split digits", 420, True, 0),
                                      ("at least three", 420, False, 3), ("exhausted", 4000, True, 0)]:
        parts = [pre_tokenizers.Digits(individual_digits=True)] if digits else []
        parts.append(pre_tokenizers.ByteLevel(add_prefix_space=False))
        specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        text = CORPUS * 2 + " ".join(str(n * n) for n in range(200)) + " aaaaaaaa abababa"
        tokenizer = train(text, size, pre_tokenizers.Sequence(parts), special_tokens=specials, min_frequency=least,
                          initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
        model = json.loads(tokenizer.to_str())["model"]
        yield {"name": name, "text": text, "size": size, "splitDigits": digits, "minFrequency": least,
               "vocabulary": sorted(model["vocab"], key=model["vocab"].get),
               "merges": [" ".join(merge) for merge in model["merges"]]}


def main():
    random.seed(7)
    extra = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    common = base()
    found = []
    for name, changes in cases().items():
        tokenizer = Tokenizer.from_str(json.dumps(tokenizer_json(common, changes)))
        texts = TEXTS + list(random_texts(extra or 6))
        found.append({"name": name, "changes": changes, "rows": list(rows(tokenizer, texts))})
    json.dump({"base": common, "cases": found, "trainings": list(trainings())}, sys.stdout, ensure_ascii=False,
              separators=(",", ":"))


main()
