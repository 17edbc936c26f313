#!/usr/bin/python3
"""Exports networks that share parameters, and networks whose parameters only look shared.

    torch_ties.py FOLDER    writes NAME.onnx and prints one line per file: NAME tied|own NODE, where NODE is a part of the
                            name of the node that a refusal must name
"""

import pathlib
import sys
import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")


class Twice(nn.Module):
    """Calls one layer twice; `layer` takes and gives 8 features."""

    def __init__(self, layer):
        super().__init__()
        self.first, self.layer, self.last = nn.Linear(8, 8), layer, nn.Linear(8, 3)

    def forward(self, x):
        x = torch.relu(self.layer(self.first(x)))
        return self.last(torch.relu(self.layer(x)))


class Shared(nn.Module):
    """Two layers of which the second has the weight or the bias of the first."""

    def __init__(self, what):
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)
        setattr(self.b, what, getattr(self.a, what))

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


class TiedEmbedding(nn.Module):
    """The output layer is the embedding's table."""

    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(11, 8), nn.Linear(8, 11, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, x):
        return self.head(torch.relu(self.embedding(x)))


def copies(layer, count=2):
    """Layers that begin with equal values, as nn.TransformerEncoder makes them."""
    made = nn.Sequential(*(nn.Sequential(nn.Linear(8, 8), nn.ReLU(), layer()) for _ in range(count)))
    for copy in made[1:]:
        copy.load_state_dict(made[0].state_dict())
    return made


ROWS = lambda: torch.randn(2, 8)
WORDS = lambda: torch.randn(2, 5, 8)
TOKENS = lambda: torch.randint(0, 11, (2, 5))
NETWORKS = {
    "linear-twice": (lambda: Twice(nn.Linear(8, 8)), ROWS, "tied /layer_1/"),
    "no-bias-twice": (lambda: Twice(nn.Linear(8, 8, bias=False)), ROWS, "tied /layer_1/"),
    "norm-twice": (lambda: Twice(nn.BatchNorm1d(8)), ROWS, "tied /layer_1/"),
    "block-twice": (lambda: Twice(nn.Sequential(nn.Linear(8, 8), nn.ReLU())), ROWS, "tied /layer/layer.0_1/"),
    "words-twice": (lambda: Twice(nn.Linear(8, 8)), WORDS, "tied /layer_1/"),
    "words-no-bias-twice": (lambda: Twice(nn.Linear(8, 8, bias=False)), WORDS, "tied /layer_1/"),
    "relu-twice": (lambda: Twice(nn.ReLU()), ROWS, "own -"),
    "shared-weight": (lambda: Shared("weight"), ROWS, "tied /b/"),
    "shared-bias": (lambda: Shared("bias"), ROWS, "tied /b/"),
    "tied-embedding": (TiedEmbedding, TOKENS, "tied /head/"),
    "copies": (lambda: copies(nn.Identity), ROWS, "own -"),
    "copies-of-norms": (lambda: copies(lambda: nn.BatchNorm1d(8)), ROWS, "own -"),
    "copies-of-words": (lambda: copies(lambda: nn.LayerNorm(8)), WORDS, "own -"),
}


def main(folder):
    for name, (make, example, expected) in NETWORKS.items():
        for folding, training in ((True, False), (False, False), (False, True)):
            torch.manual_seed(3)
            network = make().train(training)
            file = f"{name}-{'training' if training else 'folded' if folding else 'plain'}"
            mode = torch.onnx.TrainingMode.TRAINING if training else torch.onnx.TrainingMode.EVAL
            torch.onnx.export(network, example(), str(folder / f"{file}.onnx"), opset_version=17, training=mode,
                              do_constant_folding=folding, input_names=["x"], dynamic_axes={"x": {0: "batch"}})
            print(file, expected)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
