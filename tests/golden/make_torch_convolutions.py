#!/usr/bin/env python3
"""Makes tests/golden/torch_convolutions.json: networks for images, sequences and texts in PyTorch, in float64.

Run with Debian's python3-torch: /usr/bin/python3 tests/golden/make_torch_convolutions.py
As torch_*.json of make_torch_vectors.py, but smaller: layer k is node k + 1 and reads the nodes `inputs` (0: the rows;
none given: the node before), step k trains on rows (5 i + 11 k) mod 8, i = 0 .. 4, and three steps are made.
"""
import torch
import torch.nn.functional as F

from make_torch_vectors import OPTIMIZERS, initialise, make_optimizer, numbers, on_grid, state_of, write

ROWS, BATCH, STEPS = 8, 5, 3


class PositionEmbedding(torch.nn.Module):
    def __init__(self, positions, features):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(positions, features))

    def forward(self, x):
        return x + self.weight[: x.shape[1]]


def attention(q, k, v, heads, causal):
    """Vaswani et al. 2017, equation 1, for each head."""
    rows, tokens, features = q.shape
    q, k, v = (x.reshape(rows, tokens, heads, features // heads).transpose(1, 2) for x in (q, k, v))
    scores = q @ k.transpose(-1, -2) / (features // heads) ** 0.5
    if causal:
        scores = scores.masked_fill(torch.ones(tokens, tokens).triu(1).bool(), float("-inf"))
    return (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(rows, tokens, features)


MODULES = {
    "linear": torch.nn.Linear, "conv1d": torch.nn.Conv1d, "conv2d": torch.nn.Conv2d, "batch_norm1d": torch.nn.BatchNorm1d,
    "batch_norm2d": torch.nn.BatchNorm2d, "layer_norm": torch.nn.LayerNorm, "embedding": torch.nn.Embedding,
    "position_embedding": PositionEmbedding, "max_pool1d": torch.nn.MaxPool1d, "max_pool2d": torch.nn.MaxPool2d,
    "avg_pool1d": torch.nn.AvgPool1d, "avg_pool2d": torch.nn.AvgPool2d,
    "adaptive_avg_pool1d": torch.nn.AdaptiveAvgPool1d, "adaptive_avg_pool2d": torch.nn.AdaptiveAvgPool2d,
    "upsample": torch.nn.Upsample, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid, "flatten": torch.nn.Flatten,
    "softmax": torch.nn.Softmax,
}
DEFAULTS = {"softmax": dict(dim=-1)}


def product(*inputs):
    result = inputs[0]
    for value in inputs[1:]:
        result = result * value
    return result


FUNCTIONS = {
    "add": lambda options, *inputs: sum(inputs),
    "mul": lambda options, *inputs: product(*inputs),
    "concat": lambda options, *inputs: torch.cat(inputs, 2 if inputs[0].dim() == 3 else 1),
    "reshape": lambda options, x: x.reshape([len(x)] + options["shape"]),
    "permute": lambda options, x: x.permute([0] + [d + 1 for d in options["dims"]]),
    "mean": lambda options, x: x.mean(1) if x.dim() == 3 else x.mean((2, 3)),
    "matmul": lambda options, a, b: a @ (b.transpose(-1, -2) if options.get("transpose_b") else b),
    "attention": lambda options, q, k, v: attention(q, k, v, options["num_heads"], options.get("causal", False)),
}


class Network(torch.nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = layers
        for i, layer in enumerate(layers):
            if layer["op"] in MODULES:
                options = {key: tuple(value) if isinstance(value, list) else value for key, value in layer.items()
                           if key not in ("op", "inputs")}
                self.add_module(str(i), MODULES[layer["op"]](**DEFAULTS.get(layer["op"], {}), **options))

    def forward(self, x):
        values = [x]
        for i, layer in enumerate(self.layers):
            inputs = [values[k] for k in layer.get("inputs", [i])]
            if layer["op"] in MODULES:
                first = inputs[0].long() if layer["op"] == "embedding" else inputs[0]
                values.append(getattr(self, str(i))(first))
            else:
                values.append(FUNCTIONS[layer["op"]](layer, *inputs))
        return values[-1]


def criterion(outputs, labels):
    return F.cross_entropy(outputs.reshape(-1, outputs.shape[-1]), labels.reshape(-1))


def run(model, initial, features, labels, settings):
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
        optimizer.step()
    model.eval()
    with torch.no_grad():
        evaluation = criterion(model(features), labels).item()
    return losses, gradients, state_of(model), evaluation


def make_network(name, shape, layers, optimizers, seed, vocabulary=0):
    generator = torch.Generator().manual_seed(seed)
    model = Network(layers).double()
    initialise(model, generator)
    initial = {key: value.clone() for key, value in model.state_dict().items()}
    if vocabulary:
        features = torch.randint(0, vocabulary, [ROWS] + shape, generator=generator).double()
    else:
        features = on_grid(torch.randn([ROWS] + shape, generator=generator, dtype=torch.float64), 2.0**-4)
    outputs = model.eval()(features)
    labels = torch.randint(0, outputs.shape[-1], outputs.shape[:-1], generator=generator)
    network = dict(name=name, rows=ROWS, batch=BATCH, shape=shape, positions=labels[0].numel(), layers=layers,
                   features=numbers(features), labels=labels.reshape(-1).tolist(), initial=state_of(model), runs=[])
    for optimizer in optimizers:
        losses, gradients, final, evaluation = run(model, initial, features, labels, OPTIMIZERS[optimizer])
        network["gradients"] = gradients
        network["runs"].append(dict(name=optimizer, optimizer=OPTIMIZERS[optimizer], losses=losses, final=final,
                                    evaluation_loss=evaluation))
    return network


def op(name, *inputs, **options):
    layer = dict(op=name, **options)
    return dict(layer, inputs=list(inputs)) if inputs else layer


def conv(dimensions, inputs, outputs, kernel, **options):
    return op(f"conv{dimensions}d", in_channels=inputs, out_channels=outputs, kernel_size=kernel, **options)


def linear(inputs, outputs, *nodes, **options):
    return op("linear", *nodes, in_features=inputs, out_features=outputs, **options)


TANH, FLATTEN = op("tanh"), op("flatten")

IMAGES = [
    conv(2, 2, 4, [3, 2], stride=[2, 1], padding=[1, 0]), op("batch_norm2d", num_features=4, eps=1e-3, momentum=0.25),
    TANH, conv(2, 4, 4, [2, 2], groups=2, bias=False), TANH, conv(2, 4, 8, [2, 2], groups=4, dilation=[1, 2],
                                                                   padding=[0, 1]), FLATTEN, linear(16, 3)]

POOLS = [
    conv(2, 1, 2, [3, 3], padding=[1, 1]),
    op("max_pool2d", 1, kernel_size=[3, 3], stride=[2, 2], padding=[1, 1]), op("flatten", 2),
    op("max_pool2d", 1, kernel_size=[3, 2], stride=[2, 3], ceil_mode=True), op("flatten", 4),
    op("avg_pool2d", 1, kernel_size=[3, 2], stride=[2, 2], padding=[1, 1], count_include_pad=False), op("flatten", 6),
    op("avg_pool2d", 1, kernel_size=[3, 3], stride=[2, 2], padding=[1, 0], ceil_mode=True), op("flatten", 8),
    op("adaptive_avg_pool2d", 1, output_size=[3, 4]), op("flatten", 10), op("avg_pool2d", 1, kernel_size=[2, 3]),
    op("flatten", 12), op("concat", 3, 5, 7, 9, 11, 13), linear(158, 3)]

SEQUENCES = [
    conv(1, 2, 4, [3], stride=[2], padding=[1]), op("batch_norm1d", num_features=4, eps=1e-5, momentum=0.1), TANH,
    conv(1, 4, 4, [2], dilation=[2], groups=2), op("max_pool1d", 4, kernel_size=[3], stride=[2], ceil_mode=True),
    op("flatten", 5), op("avg_pool1d", 4, kernel_size=[3], stride=[2], padding=[1]), op("flatten", 7),
    op("adaptive_avg_pool1d", 4, output_size=[4]), op("flatten", 9), op("concat", 6, 8, 10), linear(48, 3)]

BRANCHES = [
    conv(2, 2, 3, [1, 1]), op("upsample", scale_factor=[2, 3], mode="bilinear"), conv(2, 3, 3, [2, 2], stride=[2, 3]),
    op("add", 1, 3, 1), op("concat", 4, 0), op("permute", dims=[1, 2, 0]), op("reshape", shape=[4, 5]), linear(5, 3),
    op("permute", dims=[1, 0]), op("reshape", shape=[3, 2, 2]), op("mean", 10), op("sigmoid"),
    op("reshape", shape=[3, 1, 1]), op("upsample", scale_factor=[2, 2]), op("mul", 4, 14, 4), FLATTEN, linear(12, 3)]

SENTENCES = [
    op("embedding", num_embeddings=7, embedding_dim=4), op("position_embedding", positions=6, features=4),
    op("layer_norm", normalized_shape=4), linear(4, 4), linear(4, 4, 3), linear(4, 4, 3),
    op("attention", 4, 5, 6, num_heads=2), op("add", 2, 7), op("layer_norm", normalized_shape=4, eps=0.01),
    op("mean"), linear(4, 3)]

LANGUAGE = [
    op("embedding", num_embeddings=6, embedding_dim=4), linear(4, 4), linear(4, 4, 1), linear(4, 4, 1, bias=False),
    op("attention", 2, 3, 4, num_heads=1, causal=True), op("add", 1, 5), linear(4, 6)]

PRODUCTS = [
    linear(3, 4), linear(3, 4, 0), linear(3, 2, 0), op("matmul", 1, 2, transpose_b=True), op("softmax"),
    op("matmul", 5, 3), FLATTEN, linear(8, 3)]


def main():
    torch.set_num_threads(1)
    write("convolutions", [
        make_network("images", [2, 5, 4], IMAGES, ["sgd_momentum", "adam"], 60),
        make_network("pools", [1, 7, 8], POOLS, ["sgd"], 61),
        make_network("sequences", [2, 19], SEQUENCES, ["adamw"], 62),
        make_network("branches", [2, 2, 2], BRANCHES, ["adam"], 63),
        make_network("sentences", [5], SENTENCES, ["adam"], 64, vocabulary=7),
        make_network("language", [4], LANGUAGE, ["sgd_nesterov", "adam_decay"], 65, vocabulary=6),
        make_network("products", [4, 3], PRODUCTS, ["adam"], 66)])


if __name__ == "__main__":
    main()
