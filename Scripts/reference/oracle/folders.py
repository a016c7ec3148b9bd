"""Where results go: the repository, or what `make.py --check` has put in its place."""

import os
from pathlib import Path

ROOT = Path(os.environ.get("SUMMAND_REFERENCE_ROOT") or Path(__file__).resolve().parents[3])
FIXTURES = ROOT / "Tests/ModelTests/Fixtures"
COMMAND_FIXTURES = ROOT / "Tests/RuntimeTests/Fixtures"
RECORDED = ROOT / "Sources/Runtime/Models/references.tsv"
FACTS = ROOT / "Examples/facts"
