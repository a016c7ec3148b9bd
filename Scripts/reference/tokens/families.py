"""Small tokenizers of each family, trained here, with exactly the parts that the family's own
tokenizer.json has (normalizer, pre-tokenizer, decoder, post-processor, settings of the model), and
what the packages `tokenizers` and `sentencepiece` make of mixed lines with them.

    pip install gguf==0.19.0 tokenizers==0.23.3 sentencepiece==0.2.3
    python -m tokens.families

Written are, in tokenizer-families/,

    lines.ndjson      the lines, one JSON string each
    NAME.json         the tokenizer, with NAME.config.json as its tokenizer_config.json
    NAME.gguf         one that SentencePiece has trained, with its scores
    NAME.ids          for each line "count hash" as in tokens/lines.py, or "= id id …" and, if decoding does
                      not give the line again, a tab and what it gives; "-" for a line that is left out
"""

import io
import json
import random

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tokens.lines import DIGITS, FULL_EVERY, MARKS, PIECES, QUOTES, SEED, SENTENCES, SPACES, fnv, lines
from oracle.folders import FIXTURES

LINES = 1200
CASED_LINES = 300
COMPOSED = [
    "e\u0301", "E\u0301\u0323", "A\u030a", "\u212b", "\u2126", "q\u0307\u0323", "q\u0323\u0307", "\u0344", "\u1e9b\u0323", "\u1100\u1161\u11a8",
    "\u1100\u1161", "\uac00\u11a8", "\u0915\u093c", "\u0958", "\u0627\u0653", "\u09c7\u09be", "\u0dd9\u0dcf\u0dca", "\ufb1d", "\u2adc", "\U0001d15e",
    "\U000110a5\U000110ba", "\u0c3c\u0301", "q\u0315\u0898", "\uf900", "a\u0328\u0301", "\u0301", "\u0301\u0301e", "\u115f\u1161", "\u1112\u1175\u11c2",
    "\u0308", "i\u0307\u0301", "\u3042\u3099", "\u304b\u3099", "\U00016d67\U00016d67",
]
SPECIALS = [
    "<|endoftext|>", "<|padding|>", "<|begin_of_text|>", "<|eot_id|>", "<|im_start|>", "<s>", "</s>", "<unk>", "<|user|>", "<table>",
    "lone", "alone", "lone_", "caf\u00e9", "cafe\u0301", "f\u1ecdx", "fo\u0323x", "fox jumps", "<0x0A>", "\u2581", "\u2581\u2581",
]

MODERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = MODERN % r"\p{N}{1,3}"
QWEN2 = MODERN % r"\p{N}"
UPPER, LOWER, BEFORE = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", r"[^\r\n\p{L}\p{N}]?"
CASED = f"{BEFORE}{UPPER}*{LOWER}+%s|{BEFORE}{UPPER}+{LOWER}*%s|%s" + r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEKKEN = CASED % ("", "", r"\p{N}")
GPT4O = CASED % (*["(?i:'s|'t|'re|'ve|'m|'ll|'d)?"] * 2, r"\p{N}{1,3}")
# Capitals, small letters, letters and marks that are neither, and what may stand before or after them.
CASES = [
    "A", "B", "\u00c9", "\u01c5", "\u1f88", "\u0416", "a", "b", "\u00e9", "\u0436", "\u02b0", "\u3042", "\u4e2d", "\u0e01", "\u0301", "\u093e", "\u20dd",
    "1", "'", "'s", "'S", "'ll", "'\u017f", " ", "\t", "\n", "/", "//", "!", "_", "!\n/", "/\r\n", "HTTP", "Server", "camelCase",
]


def byte_level(sentences, normalizer, splits, specials, size=560, crosses=False, **settings):
    """A byte-level BPE: NeoX, Llama 3, Qwen2; trained across all cuts, or on words of GPT-2's kind."""
    tokenizer = Tokenizer(models.BPE(**settings))
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not splits)
    # So there are tokens which the family's own cuts avoid.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not crosses)
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    more = ["1999 1999 123 123 \n\n\n 'LL 'RE 'S"] * 20
    if crosses:
        rng = random.Random(SEED + 4)
        more = ["".join(rng.choice(CASES) for _ in range(8)) for _ in range(400)]
    tokenizer.train_from_iterator(sentences * 3 + more, trainer)
    splits = [pre_tokenizers.Split(Regex(split), "isolated") for split in splits]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, last]) if splits else last
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def neox(sentences):
    tokenizer = byte_level(sentences, normalizers.NFC(), [], ["<|endoftext|>", "<|padding|>"])
    # As in GPT-NeoX: runs of spaces, the longest first, looked for in the normalized text.
    tokenizer.add_tokens([AddedToken(" " * count, normalized=True) for count in range(24, 1, -1)])
    tokenizer.add_tokens([AddedToken("lone", single_word=True), AddedToken("f\u1ecdx", normalized=True)])
    return tokenizer, {"tokenizer_class": "GPTNeoXTokenizer", "add_bos_token": False, "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}


def llama3(sentences):
    specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
    tokenizer = byte_level(sentences, None, [LLAMA3], specials, ignore_merges=True)
    # Without its merge a token is found only as a whole word.
    content = json.loads(tokenizer.to_str())
    del content["model"]["merges"][-40:]
    opening = content["model"]["vocab"]["<|begin_of_text|>"]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing("<|begin_of_text|> $A", "<|begin_of_text|> $A <|begin_of_text|> $B", [("<|begin_of_text|>", opening)]),
        ]
    )
    return tokenizer, {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}


def qwen2(sentences):
    tokenizer = byte_level(sentences, normalizers.NFC(), [QWEN2], ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return tokenizer, {"tokenizer_class": "Qwen2Tokenizer", "add_bos_token": False, "bos_token": None, "eos_token": "<|im_end|>"}


def tekken(sentences):
    tokenizer = byte_level(sentences, None, [TEKKEN], ["<unk>", "<s>", "</s>"], size=900, crosses=True, ignore_merges=True)
    return tokenizer, {"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": True, "bos_token": "<s>", "eos_token": "</s>"}


def gpt4o(sentences):
    tokenizer = byte_level(sentences, None, [GPT4O], ["<|endoftext|>", "<|end|>"], size=900, crosses=True)
    return tokenizer, {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}


def train_pieces(sentences, **settings):
    """A SentencePiece model, and its pieces as (text, score, type of GGUF)."""
    output = io.BytesIO()
    # Of few scripts: each of their letters is a piece, and what is left is for merges and for bytes.
    sentences = sentences[:6] + sentences[-7:]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences * 3), model_writer=output, model_type="bpe",
        vocab_size=560, character_coverage=0.995, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True, split_digits=True, max_sentence_length=20000, num_threads=1, minloglevel=2, **settings,
    )
    model = sentencepiece.SentencePieceProcessor(model_proto=output.getvalue())
    return model, pieces(model, settings.get("user_defined_symbols", []))


def pieces(model, decreed=()):
    def kind(id):
        if model.IsUnknown(id):
            return 2
        if model.IsControl(id):
            return 3
        if model.IsByte(id):
            return 6
        return 4 if model.IdToPiece(id) in decreed else 1

    return [(model.IdToPiece(id), model.GetScore(id), kind(id)) for id in range(model.GetPieceSize())]


def merges(pieces):
    """The merges that make the pieces, in their order, as transformers' converters find them."""
    ids = {text: id for id, (text, _, kind) in enumerate(pieces) if kind in (1, 4)}
    found = []
    for text, score, kind in pieces:
        if kind not in (1, 4):
            continue
        local = [(text[:cut], text[cut:], score) for cut in range(1, len(text)) if text[:cut] in ids and text[cut:] in ids]
        found += sorted(local, key=lambda merge: (ids[merge[0]], ids[merge[1]]))
    return [merge[:2] for merge in sorted(found, key=lambda merge: merge[2], reverse=True)]


def byte_pairs(pieces):
    vocabulary = {text: id for id, (text, _, _) in enumerate(pieces)}
    return Tokenizer(models.BPE(vocabulary, merges(pieces), unk_token="<unk>", fuse_unk=True, byte_fallback=True))


def spaced_decoder(strips):
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + ([decoders.Strip(" ", 1, 0)] if strips else []))


def llama2(pieces):
    """Llama 2, Mistral and Phi-3 as they were first converted: the space is put before every stretch."""
    tokenizer = byte_pairs(pieces)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = spaced_decoder(True)
    tokenizer.add_special_tokens([AddedToken("<unk>"), AddedToken("<s>"), AddedToken("</s>"), AddedToken("<|user|>", rstrip=True)])
    tokenizer.add_tokens([AddedToken("fox jumps", normalized=True)])
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", [("<s>", 1)])
    return tokenizer, {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": {"content": "</s>"}}


def metaspace(pieces):
    """The same as they are converted now: the space is put before the text alone."""
    tokenizer = byte_pairs(pieces)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", "first", False)
    tokenizer.decoder = spaced_decoder(True)
    tokenizer.add_special_tokens([AddedToken("<unk>"), AddedToken("<s>"), AddedToken("</s>")])
    return tokenizer, {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True}


def metaspace_words(pieces):
    """Words apart, a space before every one that has none."""
    tokenizer = byte_pairs(pieces)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", "always", True)
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace("▁", "always", True)])
    tokenizer.add_special_tokens([AddedToken("<s>"), AddedToken("</s>")])
    return tokenizer, {"bos_token": "<s>", "eos_token": "</s>"}


def gemma(pieces):
    tokenizer = byte_pairs(pieces)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous", False)
    tokenizer.decoder = spaced_decoder(False)
    tokenizer.add_special_tokens([AddedToken(text) for text, _, kind in pieces if kind in (2, 3)])
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text, _, kind in pieces if kind == 4])
    return tokenizer, {"tokenizer_class": "GemmaTokenizer", "bos_token": "<s>", "eos_token": "</s>"}


def mixed_lines():
    """Those of tokens/lines.py, and as many with what normalization and the families' cuts are about."""
    rng = random.Random(SEED + 2)
    mixed = dict.fromkeys(lines(LINES // 2, SPECIALS, SEED + 3))
    words = [word for sentence in SENTENCES for word in sentence.split(" ")]
    pools = [COMPOSED, SPECIALS, SPACES, DIGITS, QUOTES, MARKS, PIECES, words, ["\r\n", "\n\n", "\r\n\r\n", "\n \n"]]
    while len(mixed) < LINES:
        mixed["".join(rng.choice(rng.choices(pools, [5, 3, 4, 2, 3, 1, 2, 5, 1])[0]) for _ in range(rng.randrange(1, 12)))] = None
    while len(mixed) < LINES + CASED_LINES:
        mixed["".join(rng.choice(CASES) for _ in range(rng.randrange(1, 14)))] = None
    return list(mixed)


def record(path, texts, encode, decode, leaves_out=()):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for index, text in enumerate(texts):
            if any(part in text for part in leaves_out):
                print("-", file=file)
                continue
            ids = encode(text)
            if index % FULL_EVERY:
                print(len(ids), fnv(ids), file=file)
            else:
                decoded = decode(ids)
                print("=", *ids, end="\n" if decoded == text else "\t" + json.dumps(decoded) + "\n", file=file)


def write_gguf(path, pieces, puts_space):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([text for text, _, _ in pieces])
    writer.add_token_scores([score for _, score, _ in pieces])
    writer.add_token_types([kind for _, _, kind in pieces])
    writer.add_add_space_prefix(puts_space)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def main():
    folder = FIXTURES / "tokenizer-families"
    folder.mkdir(exist_ok=True)
    texts = mixed_lines()
    with open(folder / "lines.ndjson", "w", encoding="utf-8", newline="\n") as file:
        for text in texts:
            print(json.dumps(text, ensure_ascii=False), file=file)
    llama_model, llama_pieces = train_pieces(SENTENCES)
    decreed = ["\n", "\n\n", "▁▁", "▁▁▁", "<table>"]
    gemma_model, gemma_pieces = train_pieces(SENTENCES, add_dummy_prefix=False, user_defined_symbols=decreed)
    made = {
        "neox": neox(SENTENCES), "llama3": llama3(SENTENCES), "qwen2": qwen2(SENTENCES), "tekken": tekken(SENTENCES), "gpt-4o": gpt4o(SENTENCES), "llama2": llama2(llama_pieces),
        "metaspace": metaspace(llama_pieces), "metaspace-words": metaspace_words(llama_pieces), "gemma": gemma(gemma_pieces),
    }  # fmt: skip
    for name, (tokenizer, config) in made.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
        (folder / f"{name}.config.json").write_text(json.dumps(config) + "\n")
        tokenizer = Tokenizer.from_file(str(path))
        record(
            folder / f"{name}.ids", texts, lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
            lambda ids: tokenizer.decode(ids, skip_special_tokens=False),
        )  # fmt: skip
    for name, model, pieces, puts_space in [("pieces", llama_model, llama_pieces, True), ("pieces-plain", gemma_model, gemma_pieces, False)]:
        write_gguf(folder / f"{name}.gguf", pieces, puts_space)
        # SentencePiece takes its marks for text, where they are written in it.
        # llama.cpp finds a user-defined token only in its exact spelling: not in a mark next to a space.
        leaves_out = ["<s>", "</s>", "<unk>"] + ([] if puts_space else ["▁▁ ", " ▁▁"])
        record(folder / f"{name}.ids", texts, model.encode, model.decode, leaves_out=leaves_out)


if __name__ == "__main__":
    main()
