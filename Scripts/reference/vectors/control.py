"""A control vector as the package `gguf` writes it, with the keys of repeng's `export_gguf`.

    python -m vectors.control       into Tests/RuntimeTests/Fixtures/vectors/control.gguf

Directions of the layers 1 and 2, as wide as `tiny-gqa`: the numbers of `tiny.edits.vector` of the seeds 1 and 2.
"""

import numpy as np
from gguf import GGUFWriter

from oracle.folders import COMMAND_FIXTURES
from tiny.edits import vector

WIDTH = 32


def main():
    path = COMMAND_FIXTURES / "vectors" / "control.gguf"
    path.parent.mkdir(exist_ok=True)
    writer = GGUFWriter(path, "controlvector")
    writer.add_string("controlvector.model_hint", "llama")
    writer.add_uint32("controlvector.layer_count", 2)
    for layer in (1, 2):
        writer.add_tensor(f"direction.{layer}", vector(layer, WIDTH).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
