"""Small vocabularies with tokens of every type, in GGUF files, and what llama.cpp makes of mixed
lines with them: control, user-defined, unused, unknown and byte tokens, next to each other, with and
without a space before the text, and names that llama.cpp gives a meaning.

    pip install gguf==0.19.0 llama-cpp-python==0.3.36
    python -m tokens.llamacpp

Written are, in tokenizer-llamacpp/, NAME.gguf, and NAME.ndjson: first {"bos", "eos", "ends"}, then
for each line {"text", "ids"}.
"""

import json
import random

import gguf
import llama_cpp

from oracle.folders import FIXTURES

SEED = 20261128
LINES = 160
LETTERS = list("abcdet xo.,<|>/\n\té日")
MARKS = [
    "<|im_start|>", "<|im_end|>", "<|end|>", "<tool>", "ab cd", "a  b", "  ", "\n", "<|eot_id|>", "tool>xy", " xa", "<|user|>",
    "</s", "日é", "[PAD]", "<PRE>", "<file_sep>", "<reponame>", "<|return|>", "<|call|>", "<|eom_id|>", "abcd", "bcdefg", "cd",
]  # fmt: skip
NORMAL, UNKNOWN, CONTROL, DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


def pieces(rng):
    vocab = [("<unk>", UNKNOWN, -1000.0), ("<s>", CONTROL, -1000.0), ("</s>", CONTROL, -1000.0)]
    vocab += [(f"<0x{byte:02X}>", BYTE if rng.random() < 0.98 else NORMAL, -1000.0) for byte in range(256)]
    base = ["▁", *[letter for letter in LETTERS if letter not in " \n"]]
    vocab += [(letter, NORMAL, -500 - rng.random()) for letter in base if rng.random() < 0.93]
    made = {"".join(rng.choice([rng.choice(base), rng.choice(base), "a", "b", "▁"]) for _ in range(rng.randrange(2, 5))) for _ in range(240)} - {text for text, _, _ in vocab}
    vocab += [(text, rng.choices([NORMAL, UNUSED, DEFINED, CONTROL], [90, 4, 2, 1])[0], -rng.randrange(1, 200) / 2) for text in sorted(made)]
    return vocab, None


def byte_pairs(rng):
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    alphabet = {byte: chr(byte if byte in printable else next(others)) for byte in range(256)}
    vocab = [("<unk>", UNKNOWN, 0.0), ("<s>", CONTROL, 0.0), ("</s>", CONTROL, 0.0)]
    vocab += [(alphabet[byte], NORMAL, 0.0) for byte in range(256)]
    known, merges = {text for text, _, _ in vocab}, []
    pool = [alphabet[ord(letter)] for letter in "abcdetxo.,<|>/ \n"]
    while len(merges) < 120:
        left, right = rng.choice(pool), rng.choice(pool)
        if len(left + right) <= 6 and (left, right) not in merges:
            merges.append((left, right))
            if left + right not in known:
                vocab.append((left + right, rng.choices([NORMAL, UNUSED, DEFINED, CONTROL], [95, 2, 1, 1])[0], 0.0))
                known.add(left + right)
                pool.append(left + right)
    return vocab, merges


def write(path, rng, kind, pre):
    vocab, merges = pieces(rng) if kind == "pieces" else byte_pairs(rng)
    known = {text for text, _, _ in vocab}
    for text in rng.sample(MARKS, rng.randrange(8, 22)):
        if text not in known:
            vocab.append((text, rng.choices([CONTROL, DEFINED, UNKNOWN, NORMAL, UNUSED], [40, 45, 3, 8, 4])[0], rng.choice([0.0, -1000.0])))
    # llama.cpp asks for it where the model's name is Phi-3's.
    vocab.append(("<|endoftext|>", CONTROL, -1000.0))
    writer = gguf.GGUFWriter(path, "llama")
    if (name := rng.choice(["x", "Phi-3 mini", "phi3"])) != "x":
        writer.add_name(name)
    writer.add_tokenizer_model("llama" if kind == "pieces" else "gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([text for text, _, _ in vocab])
    writer.add_token_scores([score for _, _, score in vocab])
    writer.add_token_types([kind for _, kind, _ in vocab])
    if merges:
        writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    if rng.random() < 0.6:
        writer.add_add_space_prefix(rng.random() < 0.5)
    if rng.random() < 0.3:
        writer.add_eot_token_id(len(vocab) - 1)
    if rng.random() < 0.3:
        writer.add_uint32("tokenizer.ggml.eom_token_id", len(vocab) - 2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return [text for text, kind, _ in vocab if kind not in (NORMAL, BYTE)]


def is_ambiguous(text, marks):
    """Whether marks of one length overlap or touch: llama.cpp's order of these is that of an unstable sort."""
    places = [(start, len(mark.encode()), mark) for mark in marks for start in range(len(text)) if text.startswith(mark, start)]
    return any(a[1] == b[1] and a[2] != b[2] and abs(a[0] - b[0]) <= a[1] for a in places for b in places)


def lines(rng, marks):
    pools = [marks, LETTERS, ["a", "b", " ", "  ", "\n"], ["the", "abc", "cde "], ["<0x0A>", "▁", "▁▁", "😀", " \t", "\u00a0", "12"]]
    texts = {}
    while len(texts) < LINES:
        text = "".join(rng.choice(rng.choices(pools, [4, 6, 4, 2, 1])[0]) for _ in range(rng.randrange(1, 14)))
        if not is_ambiguous(text, marks):
            texts[text] = None
    return list(texts)


def main():
    folder = FIXTURES / "tokenizer-llamacpp"
    folder.mkdir(exist_ok=True)
    rng = random.Random(SEED)
    for name, kind, pre in [("pieces-1", "pieces", "default"), ("pieces-2", "pieces", "default"), ("pieces-3", "pieces", "default"), ("bytes-1", "bytes", "gpt-2"), ("bytes-2", "bytes", "llama-bpe"), ("bytes-3", "bytes", "smollm")]:
        path = str(folder / f"{name}.gguf")
        marks = write(path, rng, kind, pre)
        model = llama_cpp.Llama(path, vocab_only=True, verbose=False)
        vocab = llama_cpp.llama_model_get_vocab(model.model)
        ends = [id for id in range(model.n_vocab()) if llama_cpp.llama_vocab_is_eog(vocab, id)]
        with open(folder / f"{name}.ndjson", "w", encoding="utf-8", newline="\n") as file:
            print(json.dumps({"bos": model.token_bos(), "eos": model.token_eos(), "ends": ends}), file=file)
            for text in lines(rng, marks):
                try:
                    ids = model.tokenize(text.encode(), add_bos=False, special=True)
                except RuntimeError:
                    continue  # a byte without a token
                print(json.dumps({"text": text, "ids": ids}, ensure_ascii=False), file=file)


if __name__ == "__main__":
    main()
