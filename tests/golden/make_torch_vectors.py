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
FURTHER_OPTIMIZERS = {
    "rmsprop": dict(kind="rmsprop", lr=0.01, weight_decay=0.0),
    "rmsprop_decay": dict(kind="rmsprop", lr=0.01, weight_decay=0.05),
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
        "relu6": lambda: torch.nn.ReLU6(),
        "silu": lambda: torch.nn.SiLU(),
        "hardswish": lambda: torch.nn.Hardswish(),
        "hardsigmoid": lambda: torch.nn.Hardsigmoid(),
        "hardtanh": lambda: torch.nn.Hardtanh(layer.get("min_val"), layer.get("max_val")),
        "elu": lambda: torch.nn.ELU(layer.get("alpha")),
        "selu": lambda: torch.nn.SELU(),
        "softplus": lambda: torch.nn.Softplus(layer.get("beta"), layer.get("threshold")),
        "identity": lambda: torch.nn.Identity(),
        "quantize": lambda: Quantize(layer["format"]),
    }[op]()


def make_optimizer(parameters, settings):
    options = {key: value for key, value in settings.items() if key not in ("kind", "l1", "l2")}
    classes = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW,
               "rmsprop": torch.optim.RMSprop}
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


def make_loss(loss):
    weights = loss.get("class_weights")
    return {
        "cross_entropy": lambda: torch.nn.CrossEntropyLoss(
            weight=None if weights is None else torch.tensor(weights, dtype=torch.float64),
            label_smoothing=loss.get("label_smoothing", 0.0)),
        "mean_squared_error": lambda: torch.nn.MSELoss(),
        "mean_absolute_error": lambda: torch.nn.L1Loss(),
        "huber": lambda: torch.nn.HuberLoss(delta=loss.get("huber_delta", 1.0)),
    }[loss["name"]]()


def penalty(model, settings):
    """Keras' kernel_regularizer: weights of layers, no biases and nothing of a batch norm."""
    weights = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    return sum(settings.get("l1", 0.0) * w.abs().sum() + settings.get("l2", 0.0) * (w * w).sum() for w in weights)


def run(model, initial, features, labels, settings, criterion=F.cross_entropy):
    model.load_state_dict(initial)
    model.train()
    optimizer = make_optimizer(model.parameters(), settings)
    losses, gradients = [], {}
    for step in range(STEPS):
        rows = [(5 * i + 11 * step) % ROWS for i in range(BATCH)]
        optimizer.zero_grad()
        loss = criterion(model(features[rows]), labels[rows])
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            gradients = {name: numbers(parameter.grad) for name, parameter in model.named_parameters()}
        if "l1" in settings or "l2" in settings:
            penalty(model, settings).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        evaluation = criterion(model(features), labels).item()
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


def make_loss_network(name, loss, runs, seed):
    """A small network behind features that learns classes or targets with a loss; `runs` are (name, optimiser)."""
    outputs = loss.get("outputs", 5)
    layers = [linear(6, 7), dict(op="tanh"), norm(7), linear(7, outputs)]
    generator = torch.Generator().manual_seed(seed)
    model = torch.nn.Sequential(*(make_layer(layer) for layer in layers)).double()
    initialise(model, generator)
    initial = {key: value.clone() for key, value in model.state_dict().items()}
    features = on_grid(torch.randn(ROWS, 6, generator=generator, dtype=torch.float64), 2.0**-8)
    network = dict(name=name, loss=loss, layers=layers, features=numbers(features), initial=state_of(model), runs=[])
    if "outputs" in loss:
        truth = on_grid(torch.randn(ROWS, outputs, generator=generator, dtype=torch.float64), 2.0**-8)
        network["targets"] = numbers(truth)
    else:
        truth = torch.randint(0, 5, (ROWS,), generator=generator)
        network["labels"] = truth.tolist()
    for run_name, settings in runs:
        losses, gradients, final, evaluation = run(model, initial, features, truth, settings, make_loss(loss))
        network["gradients"] = gradients
        network["runs"].append(dict(name=run_name, optimizer=settings, losses=losses, final=final,
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
    "relu6": dict(op="relu6"),
    "silu": dict(op="silu"),
    "hardswish": dict(op="hardswish"),
    "hardsigmoid": dict(op="hardsigmoid"),
    "hardtanh": dict(op="hardtanh", min_val=-0.5, max_val=0.75),
    "elu": dict(op="elu", alpha=1.5),
    "selu": dict(op="selu"),
    "softplus": dict(op="softplus", beta=2.0, threshold=3.0),
}

# Losses; `outputs` floats are learned where it is given, else five classes.
LOSSES = {
    "label smoothing": dict(name="cross_entropy", label_smoothing=0.1),
    "class weights": dict(name="cross_entropy", class_weights=[1.0, 0.5, 2.0, 0.25, 3.0]),
    "smoothing and weights": dict(name="cross_entropy", label_smoothing=0.2, class_weights=[0.0, 0.5, 2.0, 0.25, 3.0]),
    "mse": dict(name="mean_squared_error", outputs=3),
    "mse of one": dict(name="mean_squared_error", outputs=1),
    "mae": dict(name="mean_absolute_error", outputs=2),
    "huber": dict(name="huber", outputs=3),
    "narrow huber": dict(name="huber", outputs=2, huber_delta=0.25),
}
PENALISED = {"l1": dict(l1=0.01), "l2": dict(l2=0.02), "l1 and l2": dict(l1=0.003, l2=0.01)}



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
    plain = [(name, OPTIMIZERS[name]) for name in ("sgd", "adam")]
    networks = [make_loss_network(name, loss, plain, 30 + i) for i, (name, loss) in enumerate(LOSSES.items())]
    runs = [(f"{name} {optimizer}", dict(OPTIMIZERS[optimizer], **penalties))
            for name, penalties in PENALISED.items() for optimizer in ("sgd_momentum", "adam_decay", "adamw")]
    networks.append(make_loss_network("penalties", dict(name="cross_entropy"), runs, 50))
    write("losses", networks)
    write("quantised", [make_network("8 bits", quantised_three((8, 4), (8, 6), (8, 5)), ["sgd_nesterov", "adam"], 20),
                        make_network("4 bits", quantised_three((4, 2), (4, 2), (4, 2)), ["sgd", "adamw"], 21),
                        make_network("odd", quantised_three((5, -1), (3, 4), (6, 9)), ["adam"], 22)])
    runs = [(name, dict(settings, **penalties)) for name, settings in FURTHER_OPTIMIZERS.items()
            for penalties in ({}, dict(l1=0.003, l2=0.01))]
    write("optimizers", [make_loss_network("further optimizers", dict(name="cross_entropy"), runs, 60)])


if __name__ == "__main__":
    main()
