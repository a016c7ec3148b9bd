"""`transformers` in float64 throughout.

Asked for float64, it keeps RMSNorm, RoPE's tables and the softmax of attention in f32. Under this mode every
request for f32 is one for float64, so that what it computes is exact to 1e-15 and what is left of a gap is
Summand's. The softmax is also where attention scores can be seen and changed.
"""

import torch
from torch.overrides import TorchFunctionMode


class Float64(TorchFunctionMode):
    def __init__(self, scores=None):
        """`scores(x)` sees what each softmax is given, layer by layer, and gives what takes its place."""
        super().__init__()
        self.scores = scores

    def __torch_function__(self, function, types, args=(), kwargs=None):
        wide = lambda x: torch.float64 if x is torch.float32 else x
        args = tuple(map(wide, args))
        kwargs = {k: wide(v) for k, v in (kwargs or {}).items()}
        if function is torch.Tensor.float:
            function = torch.Tensor.double
        if function is torch.nn.functional.softmax and self.scores:
            args = (self.scores(args[0]), *args[1:])
        return function(*args, **kwargs)
