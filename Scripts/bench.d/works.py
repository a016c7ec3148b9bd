"""The works that are compared: what Summand is told, who else does it, and how much faster Summand shall be."""

from dataclasses import dataclass, field

TEXT = "Fact: The Colosseum is in the country of"
MODEL = "SmolLM2-135M-Instruct, Q4_1"
PREAMBLE = [
    "load smollm2",
    "bos on",
    "let colosseum = prompt "
    '"Fact: {subject:The Colosseum} {relation:is in the country of}" -> " Italy" vs " Spain", " France"',
    "let other = prompt "
    '"Fact: {subject:The Eiffel Tower} {relation:is in the country of}" -> " France"',
    'let country = facts "Examples/facts/country.tsv" '
    '"Fact: {subject} {relation:is in the country of}"',
    "let batch = country | take 32",
    "let shots = country | few_shot 2 from country",
]

LENS, HAND, TRANSFORMERS, LLAMA = "TransformerLens", "PyTorch by hand", "transformers", "llama.cpp"
MKL, OPENBLAS = "MKL", "OpenBLAS"
AUTOGRAD = "PyTorch by hand, autograd"
UNITS = "PyTorch by hand, neurons and weights"
FEATURES = "PyTorch by hand, features"
EDGES = "AutoCircuit"


@dataclass
class Against:
    """A peer that does the same: under which name, and which ratio is asked for."""

    peer: str
    work: str
    target: float | None = None
    note: str = ""
    # What must agree, where it is not what all peers of this work give: a line, its column.
    check: str | None = None
    column: str | None = None
    tolerance: float | None = None


@dataclass
class Work:
    title: str
    line: str
    column: str
    tolerance: float
    against: list = field(default_factory=list)
    check: str | None = None
    # The share of the machine's peak that is wanted, where its multiply-adds are held against it.
    share: float | None = None
    # As many tokens, but no two prompts begin alike: nothing can be shared.
    apart: str | None = None


# Weights that a row of a layer is multiplied with, and those that a run's last position is besides: SmolLM2-135M.
LAYER_WEIGHTS = 2 * 576 * 576 + 2 * 192 * 576 + 3 * 1536 * 576
UNEMBEDDING_WEIGHTS = 49152 * 576

# llama.cpp rounds the activations to 8 bits before it multiplies.
ROUNDED = 1.5

WORKS = [
    Work(
        "forward, one prompt of 12 tokens, last logits",
        "colosseum | rank",
        "logit",
        2e-4,
        [
            Against(LENS, "forward", 7),
            Against(TRANSFORMERS, "forward", 5),
            Against(HAND, "forward", 3.5),
            Against(LLAMA, "forward", 2, tolerance=ROUNDED),
        ],
        check="colosseum | logits | sort token_id",
        share=0.6,
    ),
    Work(
        "forward, 32 prompts of 9 to 16 tokens, last logits",
        "batch | rank",
        "logit",
        2e-4,
        [
            Against(LENS, "batch"),
            Against(TRANSFORMERS, "batch", 3),
            Against(HAND, "batch"),
        ],
        share=0.85,
    ),
    Work(
        "forward, 48 facts with two shots in front, last logits",
        "shots | rank",
        "logit",
        2e-4,
        apart="apart | rank",
    ),
    Work(
        "forward, one prompt of 384 tokens, last logits",
        "long | rank",
        "logit",
        1e-3,
        [
            Against(LLAMA, "long", 2.8, tolerance=ROUNDED),
            Against(TRANSFORMERS, "long", 2.2),
            Against(HAND, "long"),
        ],
        check="long | logits | sort token_id",
        share=0.8,
    ),
    Work(
        "forward, one prompt of 1,000 tokens, last logits",
        "longer | rank",
        "logit",
        1e-3,
        [
            Against(LLAMA, "longer", 2.5, tolerance=ROUNDED),
            Against(TRANSFORMERS, "longer"),
            Against(HAND, "longer"),
        ],
        check="longer | logits | sort token_id",
        share=0.78,
    ),
    Work(
        "generate 128 tokens, one sequence",
        "colosseum | generate 128",
        "token_id",
        0,
        [Against(LLAMA, "generate", 2)],
        # Later ones may differ, as llama.cpp rounds.
        check="colosseum | generate 128 | take 4",
    ),
    Work(
        "DLA of every head and source position, 32 prompts",
        "batch | dla by source",
        "dla",
        2e-4,
        [
            Against(LENS, "dla-heads", note="heads only", check="batch | dla by head"),
            Against(HAND, "dla", 1.6),
        ],
        share=0.82,
    ),
    Work(
        "zero-ablate each of 270 heads at the last position",
        "colosseum | ablate each heads@last | effect",
        "effect",
        1e-3,
        [
            Against(LENS, "ablate", 200, "one by one"),
            Against(LENS, "ablate-by-layer", 20, "a layer a batch"),
            Against(HAND, "ablate", 3, "layer-synchronous"),
        ],
        share=0.85,
    ),
    Work(
        "patch resid_pre at every layer and position (30 × 12)",
        "colosseum | patch each L*.resid_pre@* from other | effect",
        "effect",
        1e-3,
        [Against(LENS, "patch", 35)],
    ),
]

# How much faster prompts are that begin alike than prompts that do not.
SHARING = 2

# The first attribution, from the start of the process: what it must print, and the memory it may have.
START = f'bos on; prompt "{TEXT}" -> " Italy" | dla by head | top 10'
START_AGAINST = [Against(LENS, "start", 60), Against(HAND, "start", 15)]
START_TOLERANCE = 1e-3


def memory_target(model_bytes):
    return 1.3 * model_bytes + 60e6


@dataclass
class Product:
    """out = x · wᵀ: w is OUTPUTS × COLUMNS, of `kind` for Summand and f32 for the others; x has ROWS rows."""

    kind: str
    outputs: int
    columns: int
    rows: int

    @property
    def name(self):
        return f"{self.kind}-{self.outputs}-{self.columns}-{self.rows}"

    @property
    def request(self):
        return f"{self.kind} {self.outputs} {self.columns} {self.rows}"

    @property
    def operations(self):
        return 2 * self.outputs * self.columns * self.rows

    @property
    def targets(self):
        """Against the better of the libraries, and of the machine's multiply-adds."""
        return (1.05, 0.95) if self.rows >= 384 else (1.6, 0.85)


# SmolLM2-135M's gate, and a matrix of a model of a billion parameters.
PRODUCTS = [
    Product(kind, outputs, columns, rows)
    for rows in (384, 12)
    for outputs, columns in ((1536, 576), (2048, 2048))
    for kind in ("q4_1", "f32")
]
PRODUCT_TOLERANCE = 1e-4  # of the largest element
