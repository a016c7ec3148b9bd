"""What TransformerLens 4.3 finds of every edge of tiny models with plain attention.

    python -m families.lens_edges     into Tests/RuntimeTests/Fixtures/edges-lens.json

TransformerLens takes the gradient of the corrupt prompt and patches towards the clean one: in Summand
`CORRUPT | patch each edges from CLEAN | attribute`. Its edges are one a position; they are summed. In float64, on the
models of families/models.py. It refuses grouped queries and norms after attention.
"""

import sys
import tempfile
from collections import defaultdict

import torch
import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.tools.analysis import attribution_patching as lens

from families.edges import ANSWER, DONOR, FOIL
from families.models import ALL, TOKENS, build
from oracle.folders import COMMAND_FIXTURES
from tiny.goldens import save_json

FAMILIES = ["gpt2", "gpt_neox", "llama2"]


def title(node):
    match node.kind:
        case "embed" | "logits":
            return node.kind
        case "attn_head_out":
            return f"L{node.layer}H{node.head}"
        case "mlp_out" | "mlp_in":
            return f"L{node.layer}.mlp"
    return f"L{node.layer}H{node.head}.{node.kind[0]}"


def tokenizer():
    """It asks for one, and reads it from a folder again."""
    folder = tempfile.mkdtemp()
    words = Tokenizer(WordLevel({str(n): n for n in range(96)}, unk_token="0"))
    words = transformers.PreTrainedTokenizerFast(tokenizer_object=words, bos_token="0", pad_token="0", eos_token="0")
    words.save_pretrained(folder)
    return transformers.AutoTokenizer.from_pretrained(folder)


def of_family(family):
    model, _ = build(family)
    model = model.double().eval()
    bridge = TransformerBridge.boot_transformers("tiny", hf_model=model, tokenizer=tokenizer(), dtype=torch.float64)
    bridge.eval()
    clean, corrupt = (torch.tensor([tokens]) for tokens in (TOKENS, DONOR))
    metric = lambda logits: logits[0, -1, ANSWER] - 0.5 * logits[0, -1, FOIL]
    config = lens.EdgeAttributionConfig(granularity="edge")
    found = lens.attribution_patch(bridge, clean, corrupt, metric, config)
    sums = defaultdict(float)
    for (writer, reader), score in found.edge_scores.items():
        sums[f"{title(writer)} -> {title(reader)}"] += float(score)
    value = metric(bridge(corrupt)).item()
    print(family.name, len(sums), "edges", f"{value:.6f}", flush=True)
    rounded = lambda x: float(f"{x:.10g}")
    return dict(
        family=family.name, clean=TOKENS, corrupt=DONOR, value=rounded(value), edges=list(sums),
        eap=[rounded(x) for x in sums.values()],
    )  # fmt: skip


def main(names):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    chosen = [family for family in ALL if family.name in (names or FAMILIES)]
    save_json(COMMAND_FIXTURES / "edges-lens.json", dict(families=[of_family(family) for family in chosen]))


if __name__ == "__main__":
    main(sys.argv[1:])
