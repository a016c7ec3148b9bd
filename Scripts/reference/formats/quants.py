"""Writes blocks of every tensor type and their values as `gguf.quants` decodes them.

    pip install gguf==0.19.0
    python -m formats.quants

For each type in turn: its GGML number, the number of bytes, the number of values (u32 each), the
bytes, and the values as f32; all little-endian.
"""

import struct

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

from oracle.folders import FIXTURES

RANDOM_BLOCKS = 24
# Halves that a careless decoder gets wrong: zeros, denormals, the limits, infinities, NaN.
HALVES = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400, 0x83FF, 0x3C00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0xFE01]
# Where the halves stand in a block, for the types that have them.
SCALES = {
    Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
    Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208],
    Type.IQ4_NL: [0], Type.IQ4_XS: [0],
}


def blocks(type, rng):
    elements, size = GGML_QUANT_SIZES[type]
    if type == Type.F16:
        return np.arange(0x10000, dtype=np.uint16)[::17].tobytes() + struct.pack(f"<{len(HALVES)}H", *HALVES)
    if type == Type.BF16:
        return np.arange(0x10000, dtype=np.uint16)[::61].tobytes()
    if type == Type.F32:
        return rng.integers(0, 256, 4 * 64, dtype=np.uint8).tobytes()
    if type == Type.MXFP4:
        # The scale is the exponent in the first byte: all there are.
        data = rng.integers(0, 256, (256, size), dtype=np.uint8)
        data[:, 0] = np.arange(256)
        return data.tobytes()
    data = rng.integers(0, 256, (RANDOM_BLOCKS + len(HALVES) * len(SCALES[type]), size), dtype=np.uint8)
    # Random scales of a usual size, then each odd one in each place.
    for block in data:
        for place in SCALES[type]:
            block[place : place + 2] = np.frombuffer(np.float16(rng.normal() * 0.02).tobytes(), np.uint8)
    index = RANDOM_BLOCKS
    for place in SCALES[type]:
        for half in HALVES:
            data[index, place : place + 2] = list(struct.pack("<H", half))
            index += 1
    return data.tobytes()


def main():
    path = FIXTURES / "quants.bin"
    rng = np.random.default_rng(20250607)
    with open(path, "wb") as file, np.errstate(all="ignore"):
        for type in [Type.F32, Type.F16, Type.BF16, *SCALES, Type.MXFP4]:
            data = blocks(type, rng)
            values = dequantize(np.frombuffer(data, np.uint8).reshape(1, -1), type).astype(np.float32)
            file.write(struct.pack("<3I", type, len(data), values.size))
            file.write(data)
            file.write(values.astype("<f4").tobytes())


if __name__ == "__main__":
    main()
