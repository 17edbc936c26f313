#!/usr/bin/env python3
"""Makes tests/golden/torch_*.json: ten optimiser steps of small networks in PyTorch, in float64.

Run with Debian's python3-torch: /usr/bin/python3 tests/golden/make_torch_vectors.py
Each file is a list of networks: layers, rows, initial state, and per optimiser the losses of ten steps, the gradients of
the first and the final state. Step k trains on rows (5 i + 11 k) mod 64, i = 0 .. 23. Initial weights and rows are
multiples of 2^-12 and 2^-8, so that they are the same numbers in float32.
"""
import json
import pathlib

import torch
import torch.nn.functional as F

ROWS, BATCH, STEPS = 64, 24, 10
FOLDER = pathlib.Path(__file__).resolve().parent

OPTIMIZERS = {
    "sgd": dict(kind="sgd", lr=0.1, momentum=0.0, nesterov=False, weight_decay=0.0),
    "sgd_momentum": dict(kind="sgd", lr=0.05, momentum=0.9, nesterov=False, weight_decay=0.01),
    "sgd_nesterov": dict(kind="sgd", lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.0),
    "adam": dict(kind="adam", lr=0.01, weight_decay=0.0),
    "adam_decay": dict(kind="adam", lr=0.01, weight_decay=0.05),
    "adamw": dict(kind="adamw", lr=0.01, weight_decay=0.1),
}


class FixedPoint(torch.autograd.Function):
    """Rounds half to even and saturates; the gradient passes straight through."""

    @staticmethod
    def forward(ctx, x, width, frac_width, signed):
        low, high = (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if signed else (0, 2**width - 1)
        return torch.clamp(torch.round(x * 2.0**frac_width), low, high) * 2.0**-frac_width

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None, None, None


def fixed_point(x, form):
    return x if form is None else FixedPoint.apply(x, form["width"], form["frac_width"], form["signed"])


class Quantize(torch.nn.Module):
    def __init__(self, form):
        super().__init__()
        self.form = form

    def forward(self, x):
        return fixed_point(x, self.form)


class Linear(torch.nn.Linear):
    form = None

    def forward(self, x):
        bias = None if self.bias is None else fixed_point(self.bias, self.form)
        return F.linear(x, fixed_point(self.weight, self.form), bias)


def make_layer(layer):
    op = layer["op"]
    if op == "linear":
        module = Linear(layer["in_features"], layer["out_features"], bias=layer.get("bias", True))
        module.form = layer.get("weight_format")
        return module
    if op == "batch_norm1d":
        return torch.nn.BatchNorm1d(layer["num_features"], eps=layer["eps"], momentum=layer["momentum"])
    return {
        "relu": lambda: torch.nn.ReLU(),
        "leaky_relu": lambda: torch.nn.LeakyReLU(layer.get("negative_slope")),
        "tanh": lambda: torch.nn.Tanh(),
        "sigmoid": lambda: torch.nn.Sigmoid(),
        "gelu": lambda: torch.nn.GELU(approximate=layer.get("approximate")),
        "identity": lambda: torch.nn.Identity(),
        "quantize": lambda: Quantize(layer["format"]),
    }[op]()


def make_optimizer(parameters, settings):
    options = {key: value for key, value in settings.items() if key != "kind"}
    classes = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    return classes[settings["kind"]](parameters, **options)


def on_grid(tensor, step):
    return torch.round(tensor / step) * step


def initialise(model, generator):
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        noise = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
        if name.endswith("running_var"):
            tensor.copy_(on_grid(1 + 0.1 * noise.abs(), 2.0**-12))
        elif name.endswith("weight") and tensor.dim() == 1:
            tensor.copy_(on_grid(1 + 0.1 * noise, 2.0**-12))
        else:
            tensor.copy_(on_grid(0.3 * noise, 2.0**-12))


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().reshape(-1).tolist()]


def state_of(model):
    return {name: numbers(tensor) for name, tensor in model.state_dict().items()}


def run(model, initial, features, labels, settings):
    model.load_state_dict(initial)
    model.train()
    optimizer = make_optimizer(model.parameters(), settings)
    losses, gradients = [], {}
    for step in range(STEPS):
        rows = [(5 * i + 11 * step) % ROWS for i in range(BATCH)]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(features[rows]), labels[rows])
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            gradients = {name: numbers(parameter.grad) for name, parameter in model.named_parameters()}
        optimizer.step()
    model.eval()
    with torch.no_grad():
        evaluation = F.cross_entropy(model(features), labels).item()
    return losses, gradients, state_of(model), evaluation


def make_network(name, layers, optimizers, seed):
    generator = torch.Generator().manual_seed(seed)
    model = torch.nn.Sequential(*(make_layer(layer) for layer in layers)).double()
    initialise(model, generator)
    initial = {key: value.clone() for key, value in model.state_dict().items()}
    width = next(layer.get("in_features") or layer.get("num_features") for layer in layers if layer["op"] in
                 ("linear", "batch_norm1d"))
    features = on_grid(torch.randn(ROWS, width, generator=generator, dtype=torch.float64), 2.0**-8)
    labels = torch.randint(0, 5, (ROWS,), generator=generator)
    network = dict(name=name, layers=layers, features=numbers(features), labels=labels.tolist(), initial=state_of(model),
                   runs=[])
    for optimizer in optimizers:
        losses, gradients, final, evaluation = run(model, initial, features, labels, OPTIMIZERS[optimizer])
        network["gradients"] = gradients
        network["runs"].append(dict(name=optimizer, optimizer=OPTIMIZERS[optimizer], losses=losses, final=final,
                                    evaluation_loss=evaluation))
    return network


def norm(width, eps=1e-5, momentum=0.1):
    return dict(op="batch_norm1d", num_features=width, eps=eps, momentum=momentum)


def linear(inputs, outputs, weight_format=None, **more):
    layer = dict(op="linear", in_features=inputs, out_features=outputs, **more)
    return layer if weight_format is None else dict(layer, weight_format=weight_format)


RELU = dict(op="relu")
TINY = [norm(16), RELU, linear(16, 5), RELU]
THREE = [norm(16), RELU, linear(16, 16), RELU, linear(16, 16), RELU, linear(16, 5)]
TOY = [norm(16), RELU, linear(16, 8), norm(8), RELU, linear(8, 8), norm(8), RELU, linear(8, 5), norm(5), RELU]


def fixed(width, frac_width, signed=True):
    return dict(width=width, frac_width=frac_width, signed=signed)


def quantize(width, frac_width, signed=True):
    return dict(op="quantize", format=fixed(width, frac_width, signed))


def quantised_three(data, weight, relu_in):
    layers = [norm(16)]
    for inputs, outputs in ((16, 16), (16, 16), (16, 5)):
        layers += [quantize(*relu_in, signed=False), RELU, quantize(*data), linear(inputs, outputs, fixed(*weight))]
    return layers


def activation_network(layer):
    return [linear(16, 8), layer, linear(8, 8, bias=False), norm(8, 1e-3, 0.25), layer, linear(8, 5)]


ACTIVATIONS = {
    "leaky_relu": dict(op="leaky_relu", negative_slope=0.125),
    "tanh": dict(op="tanh"),
    "sigmoid": dict(op="sigmoid"),
    "gelu": dict(op="gelu", approximate="none"),
    "gelu_tanh": dict(op="gelu", approximate="tanh"),
    "identity": dict(op="identity"),
}


def write(name, networks):
    text = "[\n" + ",\n".join(json.dumps(network, separators=(",", ":")) for network in networks) + "\n]\n"
    (FOLDER / f"torch_{name}.json").write_text(text)


def main():
    torch.set_num_threads(1)
    every = list(OPTIMIZERS)
    write("jsc", [make_network("jsc-tiny", TINY, every, 1), make_network("three-linear", THREE, every, 2),
                  make_network("jsc-toy", TOY, every, 3)])
    write("activations", [make_network(name, activation_network(layer), ["sgd_momentum", "adam"], 10 + i)
                          for i, (name, layer) in enumerate(ACTIVATIONS.items())])
    write("quantised", [make_network("8 bits", quantised_three((8, 4), (8, 6), (8, 5)), ["sgd_nesterov", "adam"], 20),
                        make_network("4 bits", quantised_three((4, 2), (4, 2), (4, 2)), ["sgd", "adamw"], 21),
                        make_network("odd", quantised_three((5, -1), (3, 4), (6, 9)), ["adam"], 22)])


if __name__ == "__main__":
    main()
