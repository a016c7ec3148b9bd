"""Features of transcoders by PyTorch, written by hand: see torch_hand.py.

    torch_features.py write FOLDER   writes random transcoders for each layer, which fire about as often as real ones
    torch_features.py serve FOLDER   answers requests: see peer.py
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import peer
from torch_units import TOP, WINDOWS_AT_ONCE, Units

FEATURES = 1024
# Of normal numbers as many are above this as features are active: 1 %.
ABOVE = 2.33
TARGETS, LOGITS, AT_ONCE, FROM_TIME = 100, 10, 64, 32


def path(folder, layer):
    return Path(folder) / "transcoders" / f"layer_{layer}.safetensors"


def write(folder):
    """Thresholds come from what the model reads in one prompt."""
    model, ids = Traced(folder), torch.tensor([peer.inputs(folder)["colosseum"]["tokens"]])
    run = model.trace(ids)
    random = torch.Generator().manual_seed(0)
    path(folder, 0).parent.mkdir(exist_ok=True)
    draw = lambda *shape: torch.randn(shape, generator=random)
    for n, read in enumerate(run.reads):
        width = read.shape[-1]
        encoder = draw(FEATURES, width) / width**0.5
        deviation = (read[0, 1:] @ encoder.T).std()
        decoder = draw(FEATURES, width) * run.outputs[n][0, 1:].std() / 4
        weights = dict(W_enc=encoder, b_enc=torch.full((FEATURES,), float(-ABOVE * deviation)), W_dec=decoder)
        save_file(weights | dict(b_dec=torch.zeros(width)), path(folder, n))


class Trace:
    """Of a run: what MLPs read and give, what norms divide by, and patterns; all by layer."""

    def __init__(self):
        self.reads, self.outputs, self.before, self.between, self.patterns = [], [], [], [], []
        self.begins = self.ends = None


class Traced(Units):
    def trace(self, ids, patterns=True):
        run = Trace()
        x = run.begins = F.embedding(ids, self.embed)
        batch, length = ids.shape
        at = slice(0, length)
        hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
        for layer in self.layers:
            q, k, v = self.qkv(x, layer)
            q, k = self.rotated(q, at), self.rotated(k, at)
            run.before.append(self.scale(x))
            if patterns:
                group = self.heads // self.groups
                scores = q @ k.repeat_interleave(group, 1).transpose(2, 3) / self.width**0.5
                run.patterns.append(scores.masked_fill_(hidden, -torch.inf).softmax(-1))
                z = run.patterns[-1] @ v.repeat_interleave(group, 1)
            else:
                z = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            x = x + F.linear(z.transpose(1, 2).reshape(batch, length, -1), layer["o"])
            run.between.append(self.scale(x))
            read = self.normed(x, layer["norm2"])
            gate, up = F.linear(read, layer["gate_up"]).chunk(2, -1)
            run.reads.append(read)
            run.outputs.append(F.linear(F.silu(gate) * up, layer["down"]))
            x = x + run.outputs[-1]
        run.ends = x
        return run

    def scale(self, x):
        return (x.square().mean(-1, keepdim=True) + self.eps).sqrt()


class Features(Traced):
    def __init__(self, folder):
        super().__init__(folder)
        self.coders = [load_file(path(folder, n)) for n in range(self.count)]

    def encode(self, read, n):
        coder = self.coders[n]
        return F.linear(read, coder["W_enc"], coder["b_enc"]).relu_()

    def dla_by_feature(self, ids, last, answers):
        """What each active feature writes to the answer; errors are given back, [B, layers]."""
        rows = torch.arange(len(ids))
        run = self.trace(ids, patterns=False)
        direction = self.norm * self.embed[answers] / self.scale(run.ends[rows, last])
        errors, features = [], []
        for n, coder in enumerate(self.coders):
            f = self.encode(run.reads[n][rows, last], n)
            features.append(f * (direction @ coder["W_dec"].T))
            made = f @ coder["W_dec"] + coder["b_dec"]
            errors.append(((run.outputs[n][rows, last] - made) * direction).sum(-1))
        return torch.stack(errors, 1)

    def examples(self, windows, n):
        """Of each feature of a layer its largest activation in the best windows, as far as it fires."""
        best, fired = [], 0
        for some in windows.split(WINDOWS_AT_ONCE):
            f = self.encode(self.read(some, n), n)
            best.append(f.amax(1))
            fired = fired + (f > 0).sum((0, 1))
        found = torch.cat(best).topk(min(TOP, len(windows)), 0).values.T
        return found[found > 0]

    def read(self, ids, last):
        """What the MLP of a layer reads."""
        x, at = F.embedding(ids, self.embed), slice(0, ids.shape[1])
        for n, layer in enumerate(self.layers[: last + 1]):
            q, k, v = self.qkv(x, layer)
            q, k = self.rotated(q, at), self.rotated(k, at)
            z = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            x = x + F.linear(z.transpose(1, 2).reshape(*ids.shape, -1), layer["o"])
            if n < last:
                x = x + self.mlp(x, layer)
        return self.normed(x, self.layers[last]["norm2"])

    def graph(self, ids):
        """Of the likeliest logits, what each feature that is chosen and each error gives, where that is not 0."""
        return Graph(self, ids).weights()


class Graph:
    """An attribution graph: what is active, in the order of layers, positions and numbers, then errors."""

    def __init__(self, model, ids):
        self.model, self.run, self.length = model, model.trace(ids), ids.shape[1]
        self.places, self.vectors, self.errors = [], [], []
        for n, coder in enumerate(model.coders):
            f = model.encode(self.run.reads[n][0], n)
            position, feature = f.nonzero(as_tuple=True)
            self.places.append((position, feature))
            self.vectors.append(f[position, feature, None] * coder["W_dec"][feature])
            self.errors.append(self.run.outputs[n][0] - f @ coder["W_dec"] - coder["b_dec"])
        counts = [len(position) for position, _ in self.places]
        self.starts = torch.tensor([0, *counts]).cumsum(0).tolist()
        self.columns = self.starts[-1] + (len(counts) + 1) * self.length

    def weights(self):
        model, end = self.model, self.run.ends[0, -1]
        logits = (end / model.scale(end) * model.norm) @ model.embed.T
        p = logits.softmax(-1).sort(descending=True)
        tokens = p.indices[: min(LOGITS, 1 + int((p.values.cumsum(0) < 0.95).sum()))]
        seen = (model.embed[tokens] - model.embed.mean(0)) * model.norm / model.scale(end)
        of_logits = self.rows(seen, [model.count] * len(tokens), [self.length - 1] * len(tokens))
        p, rows = p.values[: len(tokens)], {}
        while len(rows) < TARGETS:
            influence = self.influence(of_logits, p, rows)[: self.starts[-1]]
            influence[list(rows)] = 0
            chosen = influence.topk(min(FROM_TIME, TARGETS - len(rows)))
            columns = chosen.indices[chosen.values > 0].tolist()
            if not columns:
                break
            rows |= zip(columns, self.of_features(columns))
        errors = range(self.starts[-1], self.starts[-1] + model.count * self.length)
        kept = torch.tensor([*sorted(rows), *errors])
        order = kept[self.order[kept].argsort()]
        found = of_logits[:, order]
        return found[found != 0]

    @property
    def order(self):
        """Where each column stands among Summand's: of each layer and position features, then the error."""
        place = torch.zeros(self.columns)
        for n, (position, feature) in enumerate(self.places):
            own = slice(self.starts[n], self.starts[n + 1])
            place[own] = (n * self.length + position) + (feature + 1) / (FEATURES + 2)
        rest = torch.arange(self.columns - self.starts[-1])
        place[self.starts[-1] :] = rest + 0.9999
        return place.double()

    def influence(self, of_logits, p, rows):
        influence = p @ share(of_logits)
        for column in sorted(rows, reverse=True):
            influence = influence + influence[column] * share(rows[column])
        return influence

    def of_features(self, columns):
        model, slopes, layers, positions = self.model, [], [], []
        for column in columns:
            n = next(n for n in range(model.count) if column < self.starts[n + 1])
            position, feature = (int(x[column - self.starts[n]]) for x in self.places[n])
            layer = model.layers[n]
            slopes.append(model.coders[n]["W_enc"][feature] * layer["norm2"] / self.run.between[n][0, position])
            layers.append(n)
            positions.append(position)
        return self.rows(torch.stack(slopes), layers, positions)

    def rows(self, slopes, layers, positions):
        parts = zip(*(x.split(AT_ONCE) for x in (slopes, torch.tensor(layers), torch.tensor(positions))))
        return torch.cat([self.backwards(*part) for part in parts])

    def backwards(self, slopes, layers, positions):
        """[targets, columns]: patterns and scales are held, and MLPs pass nothing on."""
        model, count = self.model, len(slopes)
        g = torch.zeros(count, self.length, slopes.shape[1])
        found = torch.zeros(count, self.columns)
        group, first = model.heads // model.groups, self.starts[-1]
        targets = torch.arange(count)
        seed = lambda n: g.index_put_((targets[layers == n], positions[layers == n]), slopes[layers == n], accumulate=True)
        seed(model.count)
        for n in reversed(range(model.count)):
            layer = model.layers[n]
            position = self.places[n][0]
            found[:, self.starts[n] : self.starts[n + 1]] = (g[:, position] * self.vectors[n]).sum(-1)
            found[:, first + n * self.length : first + (n + 1) * self.length] = (g * self.errors[n]).sum(-1)
            seed(n)
            z = (g @ layer["o"]).view(count, self.length, model.heads, model.width).transpose(1, 2)
            values = self.run.patterns[n][0].transpose(1, 2) @ z
            values = values.view(count, model.groups, group, self.length, model.width).sum(2).transpose(1, 2)
            v = layer["qkv"][-model.groups * model.width :]
            g = g + values.reshape(count, self.length, -1) @ v * layer["norm1"] / self.run.before[n]
        found[:, -self.length :] = (g * self.run.begins).sum(-1)
        return found


def share(rows):
    """Sizes, each row's divided by their sum."""
    sizes = rows.abs()
    return sizes / sizes.sum(-1, keepdim=True).clamp_min(1e-30)


def works(folder):
    model, given = Features(folder), peer.inputs(folder)
    rows, last = map(torch.tensor, peer.padded([p["tokens"] for p in given["prompts"]]))
    answers = torch.tensor([p["answer"] for p in given["prompts"]])
    windows = torch.tensor(json.loads((Path(folder) / "windows.json").read_text()))
    one, layer = torch.tensor([given["colosseum"]["tokens"]]), model.count // 2
    return {
        "graph": lambda: model.graph(one),
        "dla": lambda: model.dla_by_feature(rows, last, answers),
        "examples": lambda: model.examples(windows[:100], layer),
        "few examples": lambda: model.examples(windows[: TOP * 2], layer),
    }


if __name__ == "__main__":
    torch.set_num_threads(peer.THREADS)
    with torch.inference_mode():
        if sys.argv[1] == "write":
            write(sys.argv[2])
        else:
            peer.serve(works(sys.argv[2]))
