"""Writes every eight-bit float and some doubles, and their values as PyTorch decodes them.

    pip install torch safetensors
    python -m formats.float8
"""


import torch
from safetensors.torch import save_file

from oracle.folders import FIXTURES


def main():
    path = FIXTURES / "float8.safetensors"
    every = torch.arange(256, dtype=torch.uint8)
    tensors = {}
    for name, dtype in [("e4m3", torch.float8_e4m3fn), ("e5m2", torch.float8_e5m2)]:
        tensors[name] = every.view(dtype).clone()
        tensors[name + ".f32"] = tensors[name].to(torch.float32)
    single = torch.tensor([0.0, -0.0, 1.5, -0.1, 3.0e38, 1e-45, 2.0**-149], dtype=torch.float32)
    tensors["f64.f32"] = single
    tensors["f64"] = single.to(torch.float64)
    tensors["f64.third"] = torch.tensor([0.5, 1 / 3], dtype=torch.float64)
    save_file(tensors, path)


if __name__ == "__main__":
    main()
