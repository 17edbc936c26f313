#!/usr/bin/python3
"""Exports networks with torch.onnx.export as users do, in all opsets that lathe reads.

    torch_exports.py FOLDER    writes NAME.onnx, NAME.input and NAME.output (float32) and prints one line per file:
                               NAME ROWS NETWORK STYLE (of the state dict: kept or folded)

The networks are those of tests/model/torch_networks.py and small ones with every op of the table in docs/onnx.md.
"""

import pathlib
import sys
import warnings

import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "model"))
import torch_networks  # noqa: E402

warnings.filterwarnings("ignore")


class Activations(nn.Module):
    """One layer of every activation, one after the other."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(12, 12)
        self.steps = nn.Sequential(
            nn.LeakyReLU(0.2), nn.ELU(0.7), nn.SELU(), nn.Sigmoid(), nn.Linear(12, 12), nn.Tanh(), nn.Hardtanh(-0.5, 0.75),
            nn.Hardsigmoid(), nn.Linear(12, 12), nn.Hardswish(), nn.SiLU(), nn.Softplus(), nn.GELU(),
            nn.Linear(12, 12), nn.ReLU6(), nn.Identity(), nn.Dropout(0.25), nn.Softmax(-1))

    def forward(self, x):
        return self.steps(self.first(x))


class Decompositions(nn.Module):
    """Activations and norms written out, as older networks have them."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(12, 12)
        self.weight, self.bias = nn.Parameter(torch.randn(12)), nn.Parameter(torch.randn(12))

    def forward(self, x):
        x = self.first(x)
        x = x * functional.relu6(x + 3) / 6
        x = functional.relu6(x + 3) / 6
        x = x * torch.sigmoid(x)
        x = 0.5 * x * (1 + torch.tanh(0.7978845608 * (x + 0.044715 * torch.pow(x, 3))))
        x = x * 0.5 * (1.0 + torch.erf(x / 1.4142135623730951))
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean) ** 2).mean(-1, keepdim=True)
        return (x - mean) / torch.sqrt(variance + 1e-3) * self.weight + self.bias


class Pictures(nn.Module):
    """Pooling, resizing, concatenation, products and groups."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, (3, 5), stride=(1, 2), padding=(1, 2), dilation=(2, 1))
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.grouped = nn.Conv2d(8, 4, 1, groups=2)
        self.average = nn.AvgPool2d(3, stride=2, padding=1)
        self.plain_average = nn.AvgPool2d(2, count_include_pad=False)
        self.biggest = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.larger = nn.Upsample(scale_factor=2, mode="nearest")
        self.smooth = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        x = self.conv(x)
        y = self.depthwise(x)
        x = torch.cat([x * y, x + y], 1)
        x = self.smooth(self.larger(self.biggest(x)))
        x = self.plain_average(self.average(x))
        return self.head(x.mean((2, 3)))


class Signals(nn.Module):
    """One dimension: conv1d, pooling, batch norm of [channels, length], permutation, reshaping."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 6, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm1d(6)
        self.pool = nn.MaxPool1d(2)
        self.last = nn.AdaptiveAvgPool1d(1)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = self.pool(torch.relu(self.norm(self.conv(x))))
        x = x.permute(0, 2, 1).reshape(x.size(0), -1, 3).reshape(x.size(0), 4, 6).transpose(1, 2)
        return self.head(self.last(x).squeeze(-1))


class OneHead(nn.Module):
    """Attention without heads, masked by masked_fill; scaled before the product; matmul on its own."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.positions = nn.Embedding(9, 8)
        nn.init.normal_(self.embedding.weight, 0, 0.3)
        nn.init.normal_(self.positions.weight, 0, 0.3)
        self.query, self.key, self.value = (nn.Linear(8, 8, bias=False) for _ in range(3))
        self.head = nn.Linear(8, 11)

    def forward(self, x):
        tokens = x.size(1)
        x = self.embedding(x) + self.positions(torch.arange(tokens))
        query, key, value = self.query(x) * 8 ** -0.5, self.key(x), self.value(x)
        scores = query @ key.transpose(-2, -1)
        hidden = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
        x = x + scores.masked_fill(hidden, float("-inf")).softmax(-1) @ value
        return self.head(x + torch.matmul(torch.matmul(x, x.transpose(1, 2)), x))


SMALL = {
    "activations": (Activations, lambda rows: torch.randn(rows, 12)),
    "decompositions": (Decompositions, lambda rows: torch.randn(rows, 12)),
    "pictures": (Pictures, lambda rows: torch.randn(rows, 3, 16, 16)),
    "signals": (Signals, lambda rows: torch.randn(rows, 2, 16)),
    "one-head": (OneHead, lambda rows: torch.randint(0, 11, (rows, 7))),
}
LARGE = ("vgg7", "resnet18", "mobilenet-v2")


def shake_statistics(network):
    """Gives batch norms statistics and weights that differ from 0 and 1."""
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.3, 0.3)


def export(folder, name, network, x, opset, folding, training, dynamic):
    with torch.no_grad():
        shake_statistics(network)
    mode = torch.onnx.TrainingMode.TRAINING if training else torch.onnx.TrainingMode.EVAL
    network.train(training)
    torch.onnx.export(network, x, str(folder / f"{name}.onnx"), opset_version=opset, do_constant_folding=folding,
                      training=mode, input_names=["x"], dynamic_axes={"x": {0: "batch"}} if dynamic else None)
    network.eval()  # tracing in training mode moved the running statistics
    with torch.no_grad():
        y = network(x)
    x.to(torch.float32).numpy().tofile(folder / f"{name}.input")
    y.numpy().tofile(folder / f"{name}.output")
    print(name, x.shape[0], "kept" if training else "folded")


def main(folder):
    opsets = (9, 10, 11, 12, 13, 14, 15, 16, 17)
    turn = 0
    for name in torch_networks.NETWORKS:
        rows = 1 if name in LARGE else 2
        variant = turn % 4
        opset = opsets[turn % len(opsets)]
        if name.startswith("transformer"):
            opset = (14, 15, 16, 17)[turn % 4]
        export(folder, name.replace(":", "-"), torch_networks.make(name), torch_networks.example(name, rows), opset,
               folding=variant in (0, 2), training=variant == 3, dynamic=variant in (0, 1))
        turn += 1
    for name, (make, example) in SMALL.items():
        for opset in opsets:
            oldest = {"one-head": 14, "decompositions": 9, "activations": 9, "pictures": 11}.get(name, 9)
            if opset < oldest:  # triu; smooth resizing, which PyTorch itself writes wrongly before
                continue
            torch.manual_seed(opset)
            export(folder, f"{name}-{opset}", make(), example(2), opset, folding=opset % 2 == 1, training=False,
                   dynamic=opset % 3 != 0)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
