"""What AutoTokenizer of transformers makes of folders whose tokenizer.json, tokenizer_config.json,
special_tokens_map.json and added_tokens.json say different things.

    pip install tokenizers==0.23.3 transformers==5.24.0
    python -m tokens.auto

Written is tokenizer-auto.json: `models`, the texts of two small `model` members of a tokenizer.json,
and `cases`, each with its files' texts, the lines and what comes of them. Of tokenizer.json a case
has all members but the model. What transformers refuses is left out.
"""

import json
import random
import tempfile
from pathlib import Path

import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

from tokens.lines import SENTENCES
from oracle.folders import FIXTURES

CASES = 140
LINES = ["a<|user|>b", "x <|user|>  y<|user|>\tz", "a <new> b<new>", "<new2>the <|pad|> the<bos>12", "The fox. <s> The </s>fox 2024", " the<unk>  fox<|end|> the"]
TEXTS = ["<|user|>", "<new>", "<new2>", "<|pad|>", "<s>", "</s>", "<unk>", "<|end|>", "<bos>", "the", "fox"]
TYPES = ["llama", "gpt2", "gpt_neox", "mistral", "qwen2", "qwen3", "gemma3_text", "phi3", "gptj"]
CLASSES = ["TokenizersBackend", "PreTrainedTokenizerFast", "GPT2Tokenizer", "GPT2TokenizerFast", "LlamaTokenizer", "LlamaTokenizerFast", "GPTNeoXTokenizer", "Qwen2TokenizerFast", "GemmaTokenizer", "OtherTokenizer"]
KINDS = {"bytes": CLASSES[:4] + ["GPTNeoXTokenizer", "Qwen2TokenizerFast", "LlamaTokenizer", "OtherTokenizer"], "pieces": CLASSES[:2] + ["LlamaTokenizer", "LlamaTokenizerFast", "GemmaTokenizer"]}


def model_of_bytes():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(SENTENCES[:4] * 3, trainers.BpeTrainer(vocab_size=300, special_tokens=["<|endoftext|>"], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    return json.loads(tokenizer.to_str())["model"]


def model_of_pieces():
    vocab = {text: id for id, text in enumerate(["<unk>", "<s>", "</s>", "<pad>", *[f"<0x{byte:02X}>" for byte in range(256)]])}
    merges = []
    for text in ["▁", *"abcdefghijklmnopqrstuvwxyzTF.12"]:
        vocab[text] = len(vocab)
    for left, right in [("t", "h"), ("th", "e"), ("▁", "the"), ("T", "h"), ("Th", "e"), ("f", "o"), ("fo", "x"), ("▁", "fox"), ("▁", "▁")]:
        vocab[left + right] = len(vocab)
        merges.append([left, right])
    return {"type": "BPE", "dropout": None, "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True, "vocab": vocab, "merges": merges}


def flags(rng, text, special=None):
    token = {"content": text, **{flag: rng.random() < 0.25 for flag in ["lstrip", "rstrip", "single_word", "normalized"]}}
    return {**token, "special": rng.random() < 0.6 if special is None else special}


def some(rng, most=4):
    return rng.sample(TEXTS, rng.randrange(0, most + 1))


def template(rng, vocab):
    marks = [text for text in ["<|endoftext|>", "<s>", "</s>"] if text in vocab]
    mark = rng.choice(marks)
    text, special = {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": mark, "type_id": 0}}
    single = rng.choice([[special, text], [text]])
    return {"type": "TemplateProcessing", "single": single, "pair": [text, {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {mark: {"id": mark, "ids": [vocab[mark]], "tokens": [mark]}}}


def case(rng, kind, model):
    vocab = model["vocab"]
    own = []
    for text in dict.fromkeys([*([] if kind == "pieces" and rng.random() < 0.3 else list(vocab)[: 1 if kind == "bytes" else 3]), *some(rng)]):
        own.append({"id": vocab.get(text, len(vocab) + sum(t["content"] not in vocab for t in own)), **flags(rng, text)})
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    if kind == "bytes":
        parts = {
            "normalizer": rng.choice([None, None, {"type": "NFC"}]),
            "pre_tokenizer": rng.choice([level, {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, level]}]),
            "post_processor": rng.choice([None, {**level, "trim_offsets": False}, template(rng, vocab)]), "decoder": {**level},
        }  # fmt: skip
    else:
        replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
        parts = {
            **rng.choice([
                {"normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replace]}, "pre_tokenizer": None},
                {"normalizer": None, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": rng.choice(["first", "always", "never"]), "split": False}},
                {"normalizer": replace, "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}},
            ]),
            "post_processor": rng.choice([None, template(rng, vocab)]),
            "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]},
        }  # fmt: skip
    config = {}
    if rng.random() < 0.85:
        config["tokenizer_class"] = rng.choice(KINDS[kind])
    for name in ["bos_token", "eos_token", "unk_token", "pad_token", "image_token"]:
        if rng.random() < 0.35:
            text = rng.choice([*TEXTS, list(vocab)[0]])
            config[name] = rng.choice([text, text, {"__type": "AddedToken", **flags(rng, text, True)}, None])
    for name in ["add_bos_token", "legacy", "add_prefix_space"]:
        if rng.random() < 0.25:
            config[name] = rng.random() < 0.5 and not (kind == "bytes" and name == "add_prefix_space")
    if rng.random() < 0.25:
        config[rng.choice(["additional_special_tokens", "extra_special_tokens"])] = some(rng, 3)
    elif rng.random() < 0.1:
        config["extra_special_tokens"] = {f"{text}_token": text for text in some(rng, 2)}
    if rng.random() < 0.45:
        start = len(vocab)
        config["added_tokens_decoder"] = {str(vocab.get(text, start + rng.randrange(20))): flags(rng, text) for text in some(rng, 5)}
    files = {"tokenizer_config.json": config} if rng.random() < 0.92 else {}
    if rng.random() < 0.35:
        names = ["bos_token", "eos_token", "pad_token", "unk_token", "audio_token"]
        tokens = {name: rng.choice([text := rng.choice(TEXTS), {key: value for key, value in flags(rng, text).items() if key != "special"}]) for name in rng.sample(names, 2)}
        files["special_tokens_map.json"] = tokens | rng.choice([{}, {"additional_special_tokens": some(rng, 3)}, {"extra_special_tokens": some(rng, 2)}])
    if rng.random() < 0.35:
        files["added_tokens.json"] = {text: vocab.get(text, len(vocab) + index) for index, text in enumerate(some(rng, 4))}
    return {"added_tokens": own, **parts}, files


def main():
    transformers.logging.set_verbosity_error()
    rng = random.Random(20261128)
    parts = {"bytes": model_of_bytes(), "pieces": model_of_pieces()}
    cases = []
    while len(cases) < CASES:
        kind, model_type = rng.choice(list(parts)), rng.choice(TYPES)
        members, files = case(rng, kind, parts[kind])
        with tempfile.TemporaryDirectory() as folder:
            whole = {"version": "1.0", "truncation": None, "padding": None, **members, "model": parts[kind]}
            for name, content in {**files, "tokenizer.json": whole, "config.json": {"model_type": model_type}}.items():
                (Path(folder) / name).write_text(json.dumps(content))
            try:
                tokenizer = AutoTokenizer.from_pretrained(folder)
                ids = [tokenizer.encode(line) for line in LINES]
            except Exception as error:
                print("left out:", type(error).__name__, str(error)[:90])
                continue
        text = json.dumps(members, ensure_ascii=False)
        cases.append(
            {
                "kind": kind, "model_type": model_type, "tokenizer": text[1:-1], "files": {name: json.dumps(content) for name, content in files.items()},
                "class": type(tokenizer).__name__, "ids": ids, "bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id,
            }  # fmt: skip
        )
    record = {"lines": LINES, "models": {kind: json.dumps(model, ensure_ascii=False) for kind, model in parts.items()}, "cases": cases}
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":")).replace('},{"kind"', '},\n{"kind"')
    (FIXTURES / "tokenizer-auto.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
