"""What `transformers` computes with real models on real prompts, in float64.

    python -m families.real NAME MODEL.gguf     NAME is smollm2 or gemma3-270m; into Tests/ModelTests/Fixtures/real

The model is built from its configuration; its weights are the file's as `gguf.quants` decodes them, put back
into Hugging Face's layout. (transformers' own reading of a GGUF is not used: it rounds to f32 what it adds to
or takes from norms.) The token ids are those of the package `tokenizers`. Everything runs in float64, and once
more in f32, as people run it: how far that is off is written next to the goldens.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from gguf import GGUFReader
from gguf.quants import dequantize
from transformers import AutoModelForCausalLM

from oracle import reference
from tokens import lines as tokens
from tokens import families as tokens_families
from families.float64 import Float64
from families.gguf_files import NAMES
from tiny.goldens import save, save_json
from oracle.folders import FIXTURES

REAL = FIXTURES / "real"
SPREAD = 64  # ids whose logits are recorded at every position
STRIDE = 8  # of the positions of long prompts
LONG = 64

# Lincoln at Gettysburg, and the beginning of the Declaration of Independence: longer than Gemma's window of 512.
SPEECH = """Four score and seven years ago our fathers brought forth on this continent, a new nation, \
conceived in Liberty, and dedicated to the proposition that all men are created equal.

Now we are engaged in a great civil war, testing whether that nation, or any nation so conceived and so \
dedicated, can long endure. We are met on a great battle-field of that war. We have come to dedicate a portion \
of that field, as a final resting place for those who here gave their lives that that nation might live. It is \
altogether fitting and proper that we should do this.

But, in a larger sense, we can not dedicate -- we can not consecrate -- we can not hallow -- this ground. The \
brave men, living and dead, who struggled here, have consecrated it, far above our poor power to add or \
detract. The world will little note, nor long remember what we say here, but it can never forget what they did \
here. It is for us the living, rather, to be dedicated here to the unfinished work which they who fought here \
have thus far so nobly advanced. It is rather for us to be here dedicated to the great task remaining before \
us -- that from these honored dead we take increased devotion to that cause for which they gave the last full \
measure of devotion -- that we here highly resolve that these dead shall not have died in vain -- that this \
nation, under God, shall have a new birth of freedom -- and that government of the people, by the people, for \
the people, shall not perish from the earth.

We hold these truths to be self-evident, that all men are created equal, that they are endowed by their Creator \
with certain unalienable Rights, that among these are Life, Liberty and the pursuit of Happiness. -- That to \
secure these rights, Governments are instituted among Men, deriving their just powers from the consent of the \
governed, -- That whenever any Form of Government becomes destructive of these ends, it is the Right of the \
People to alter or to abolish it, and to institute new Government, laying its foundation on such principles and \
organizing its powers in such form, as to them shall seem most likely to effect their Safety and Happiness. \
Prudence, indeed, will dictate that Governments long established should not be changed for light and transient \
causes; and accordingly all experience hath shewn, that mankind are more disposed to suffer, while evils are \
sufferable, than to right themselves by abolishing the forms to which they are accustomed. But when a long \
train of abuses and usurpations, pursuing invariably the same Object evinces a design to reduce them under \
absolute Despotism, it is their right, it is their duty, to throw off such Government, and to provide new \
Guards for their future security. -- Such has been the patient sufferance of these Colonies; and such is now \
the necessity which constrains them to alter their former Systems of"""
PROMPTS = {
    "colosseum": "Fact: The Colosseum is in the country of",
    "france": "The capital of France is",
    "code": "def fibonacci(n: int) -> list[int]:\n    a, b = 0, 1\n    numbers = []\n    for _ in range(n):\n",
    "mixed": "Die Straße nach Köln; l'été à Noël 1999: 3.14 × 2 = 6.28, 東京 is the capital of 日本. 👍",
    "chat": "<|im_start|>user\nWho built the Colosseum?<|im_end|>\n<|im_start|>assistant\n",
    "speech": SPEECH,
}


def keys(reader, prefix):
    return lambda name: reader.get_field(f"{prefix}.{name}").contents()


# Each gives the configuration, how a tensor of the file becomes one of the model, the tokenizer, and the
# tokens that every prompt begins with.


def smollm2(reader, path):
    key = keys(reader, "llama")
    heads, width = key("attention.head_count"), key("embedding_length")
    config = transformers.LlamaConfig(
        hidden_size=width,
        intermediate_size=key("feed_forward_length"),
        num_hidden_layers=key("block_count"),
        num_attention_heads=heads,
        num_key_value_heads=key("attention.head_count_kv"),
        max_position_embeddings=key("context_length"),
        rms_norm_eps=key("attention.layer_norm_rms_epsilon"),
        rope_parameters=dict(rope_type="default", rope_theta=key("rope.freq_base")),
        vocab_size=key("vocab_size"),
        tie_word_embeddings=True,
    )

    def restored(name, x):
        count = {"attn_q": heads, "attn_k": config.num_key_value_heads}.get(name.split(".")[-2])
        if count is None:
            return x
        # The converter interleaves the halves of each head's rows.
        return x.reshape(count, -1, 2, x.shape[1]).swapaxes(1, 2).reshape(x.shape)

    return config, restored, tokens.from_gguf(path)[0], []


def gemma3(reader, path):
    key = keys(reader, "gemma3")
    config = transformers.Gemma3TextConfig(
        hidden_size=key("embedding_length"),
        intermediate_size=key("feed_forward_length"),
        num_hidden_layers=key("block_count"),
        num_attention_heads=key("attention.head_count"),
        num_key_value_heads=key("attention.head_count_kv"),
        head_dim=key("attention.key_length"),
        query_pre_attn_scalar=key("attention.key_length"),
        max_position_embeddings=key("context_length"),
        rms_norm_eps=key("attention.layer_norm_rms_epsilon"),
        sliding_window=key("attention.sliding_window"),
        rope_parameters=dict(
            full_attention=dict(rope_type="default", rope_theta=key("rope.freq_base")),
            # Not in the file: that of all Gemma 3.
            sliding_attention=dict(rope_type="default", rope_theta=10000.0),
        ),
        hidden_activation="gelu_pytorch_tanh",
        vocab_size=262144,
        tie_word_embeddings=True,
    )
    assert [n for n, x in enumerate(config.layer_types) if x == "full_attention"] == [5, 11, 17]

    def restored(name, x):
        return x - 1 if x.ndim == 1 else x  # the converter adds 1 to what norms multiply with

    token = keys(reader, "tokenizer.ggml")
    pieces = zip(token("tokens"), token("scores"), token("token_type"))
    # The converter writes the tokens by decree with spaces, and -1000 for SentencePiece's score of 0.
    spelled = [(t.replace(" ", "▁"), 0.0, kind) if kind == 4 else (t, score, kind) for t, score, kind in pieces]
    tokenizer, _ = tokens_families.gemma(spelled)
    assert token("add_bos_token")
    return config, restored, tokenizer, [token("bos_token_id")]


MODELS = {"smollm2": smollm2, "gemma3-270m": gemma3}


# Running


def build(reader, config, restored, dtype):
    model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="eager")
    names = {
        new.format(n=n): old.format(n=n)
        for n in range(config.num_hidden_layers)
        for old, new in NAMES[reader.get_field("general.architecture").contents()].items()
    }
    state = {}
    for tensor in reader.tensors:
        name, _, kind = tensor.name.rpartition(".")
        x = dequantize(tensor.data, tensor.tensor_type).astype(np.float64)
        state[f"{names[name]}.{kind}"] = torch.from_numpy(restored(tensor.name, x)).to(dtype)
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert missing == ["lm_head.weight"] and not unexpected, (missing, unexpected)
    model.tie_weights()
    return model.eval()


def logits(model, ids):
    return model(torch.tensor([ids]), use_cache=False).logits[0].double().numpy()


def positions(ids):
    """All, or of a long prompt every eighth from the end."""
    return list(range(len(ids))) if len(ids) <= LONG else list(range((len(ids) - 1) % STRIDE, len(ids), STRIDE))


def main(name, path):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    reader = GGUFReader(path)
    config, restored, tokenizer, before = MODELS[name](reader, path)
    spread = [(2 * n + 1) * config.vocab_size // (2 * SPREAD) for n in range(SPREAD)]
    prompts, tensors = [], {}
    with torch.no_grad():
        with Float64():
            wide = build(reader, config, restored, torch.float64)
            for label, text in PROMPTS.items():
                ids = before + tokenizer.encode(text, add_special_tokens=False).ids
                found, at = logits(wide, ids), positions(ids)
                top = np.argsort(-found[-1], kind="stable")[:20]
                tensors[label] = found[at][:, spread]
                about = dict(name=label, text=text, tokens=ids, positions=at)
                prompts.append(about | dict(top=top, top_logits=found[-1][top]))
                print(f"{label}: {len(ids)} tokens, then {tokenizer.decode(top[:5])!r}", flush=True)
        if name == "smollm2":
            same_as_numpy(path, prompts)
        del wide
        narrow = build(reader, config, restored, torch.float32)
        for prompt in prompts:
            found = logits(narrow, prompt["tokens"])
            gap = np.abs(found[prompt["positions"]][:, spread] - tensors[prompt["name"]]).max()
            gap = max(gap, np.abs(found[-1][prompt["top"]] - prompt["top_logits"]).max())
            print(f"{prompt['name']}: transformers in f32 is off by {gap:.1e}", flush=True)
            prompt["off_in_f32"] = gap
    REAL.mkdir(exist_ok=True)
    about = dict(file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), spread=spread)
    save_json(REAL / f"{name}.json", about | dict(prompts=prompts))
    save(REAL / f"{name}.safetensors", tensors, {})


def same_as_numpy(path, prompts):
    """Holds transformers against `oracle/reference.py`, which reads the file by itself."""
    model = reference.load(path)
    for prompt in prompts:
        found = reference.forward(model, prompt["tokens"], rows=slice(-1, None))[0][prompt["top"]]
        gap = np.abs(found - prompt["top_logits"]).max()
        print(f"{prompt['name']}: numpy within {gap:.1e}", flush=True)
        assert gap < 1e-8, gap


if __name__ == "__main__":
    match sys.argv[1:]:
        case [name, path] if name in MODELS:
            main(name, Path(path))
        case _:
            sys.exit(__doc__)
