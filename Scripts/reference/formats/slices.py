"""Writes tensors of three dimensions, `[expert][out][in]`, to a GGUF and a safetensors file, with their values.

    pip install gguf==0.19.0 numpy
    python -m formats.slices

`slices.gguf` has `F32` and `Q8_0`, `slices.safetensors` `F32`, `F64` and `BF16`; there, `NAME.values` is what each of
the five holds, in F32, as numpy and `gguf.quants` have it.
"""

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter
from gguf.quants import dequantize, quantize

from oracle.folders import FIXTURES
from tiny.models import bf16_bits, write_safetensors

SHAPE = (3, 34, 32)


def main():
    x = np.random.default_rng(14).standard_normal(SHAPE).astype("<f4")
    blocks = quantize(x, Type.Q8_0)
    writer = GGUFWriter(FIXTURES / "slices.gguf", "test")
    writer.add_tensor("F32", x)
    writer.add_tensor("Q8_0", blocks, raw_dtype=Type.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    bits = bf16_bits(x)
    tensors = {
        "F32": ("F32", x), "F64": ("F64", x.astype("<f8")), "BF16": ("BF16", bits),
        "F32.values": ("F32", x), "F64.values": ("F32", x),
        "BF16.values": ("F32", (bits.astype("<u4") << 16).view("<f4")),
        "Q8_0.values": ("F32", dequantize(blocks, Type.Q8_0).astype("<f4")),
    }
    write_safetensors(FIXTURES / "slices.safetensors", tensors, {"format": "pt"})


if __name__ == "__main__":
    main()
