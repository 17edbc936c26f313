#!/usr/bin/python3
"""The networks of lathe's zoo as PyTorch modules, with the module paths and the state-dict order that lathe promises.

    torch_networks.py list             names, one a line
    torch_networks.py describe NAME... nodes as torch.fx names them, and the state dict

Other tests import it: make(name) gives the network, example(name, rows) an input for it.
ResNet-18 and MobileNetV2 have torchvision's structure (CIFAR forms); VGG7 has that of MASE.
"""

import sys

import torch
from torch import nn
from torch.nn import functional


def convolution(inputs, outputs, kernel_size=3, stride=1, groups=1, bias=False):
    return nn.Conv2d(inputs, outputs, kernel_size, stride, padding=(kernel_size - 1) // 2, groups=groups, bias=bias)


class Chain(nn.Module):
    """A Sequential under one name, as MASE's jet networks have it."""

    def __init__(self, path, *layers):
        super().__init__()
        self.path = path
        setattr(self, path, nn.Sequential(*layers))

    def forward(self, x):
        return getattr(self, self.path)(x)


def jet_layers(widths, batch_norm_first=True, batch_norms=(), relu_between=True, relu_last=True):
    layers = [nn.BatchNorm1d(widths[0]), nn.ReLU()] if batch_norm_first else []
    for index, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        last = index + 2 == len(widths)
        layers.append(nn.Linear(inputs, outputs))
        if index in batch_norms:
            layers.append(nn.BatchNorm1d(outputs))
        if relu_last if last else relu_between:
            layers.append(nn.ReLU())
    return layers


def jet_with_dropout():
    layers = jet_layers([16, 32, 48, 16, 5], batch_norms=(0, 1, 2, 3))
    layers.insert(8, nn.Dropout(0.5))
    return Chain("seq_blocks", *layers)


class Hls4mlJet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.relu1 = nn.Linear(16, 64), nn.ReLU()
        self.fc2, self.relu2 = nn.Linear(64, 32), nn.ReLU()
        self.fc3, self.relu3 = nn.Linear(32, 32), nn.ReLU()
        self.fc4 = nn.Linear(32, 5)

    def forward(self, x):
        x = self.relu1(self.fc1(x))
        x = self.relu2(self.fc2(x))
        return self.fc4(self.relu3(self.fc3(x)))


class Vgg7(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        layers, before = [], 3
        for width in (128, 256, 512):
            for _ in range(2):
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width, momentum=0.9), nn.ReLU()]
                before = width
            layers.append(nn.MaxPool2d(2))
        self.feature_layers = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Linear(8192, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU())
        self.last_layer = nn.Linear(1024, classes)

    def forward(self, x):
        x = self.feature_layers(x)
        x = x.view(-1, 512 * 4 * 4)
        return self.last_layer(self.classifier(x))


class Vgg7Tiny(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.feature_layers = nn.Sequential(
            nn.Conv2d(3, 10, 3, padding=1), nn.ReLU(), nn.Conv2d(10, 10, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(10, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Sequential(nn.Linear(8 * 8 * 8, 32), nn.ReLU())
        self.last_layer = nn.Linear(32, classes)

    def forward(self, x):
        x = self.feature_layers(x)
        x = x.view(-1, 8 * 8 * 8)
        return self.last_layer(self.classifier(x))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = convolution(inputs, outputs, stride=stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.conv2 = convolution(outputs, outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(out + shortcut)


class ResNet18(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.conv1 = convolution(3, 64)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        before = 64
        for stage, width in enumerate((64, 128, 256, 512), start=1):
            stride = 1 if stage == 1 else 2
            blocks = nn.Sequential(BasicBlock(before, width, stride), BasicBlock(width, width, 1))
            setattr(self, f"layer{stage}", blocks)
            before = width
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def normalised(inputs, outputs, kernel_size, stride=1, groups=1):
    return nn.Sequential(convolution(inputs, outputs, kernel_size, stride, groups), nn.BatchNorm2d(outputs), nn.ReLU6())


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        layers = [normalised(inputs, hidden, 1)] if expansion != 1 else []
        layers += [normalised(hidden, hidden, 3, stride, groups=hidden),
                   convolution(hidden, outputs, 1), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.shortcut else self.conv(x)


class MobileNetV2(nn.Module):
    STAGES = ((1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

    def __init__(self, classes=10):
        super().__init__()
        layers, before = [normalised(3, 32, 3)], 32
        for expansion, width, repeats, stride in self.STAGES:
            for index in range(repeats):
                layers.append(InvertedResidual(before, width, stride if index == 0 else 1, expansion))
                before = width
        layers.append(normalised(before, 1280, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x):
        x = functional.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(torch.flatten(x, 1))


class LeNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.conv1, self.relu1, self.pool1 = nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)
        self.conv2, self.relu2, self.pool2 = nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)
        self.fc1, self.relu3 = nn.Linear(400, 120), nn.ReLU()
        self.fc2, self.relu4 = nn.Linear(120, 84), nn.ReLU()
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x):
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.pool2(self.relu2(self.conv2(x)))
        x = torch.flatten(x, 1)
        return self.fc3(self.relu4(self.fc2(self.relu3(self.fc1(x)))))


class Lfc(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        layers, before = [], 784
        for _ in range(3):
            layers += [nn.Linear(before, 1024, bias=False), nn.BatchNorm1d(1024), nn.ReLU()]
            before = 1024
        self.layers = nn.Sequential(*layers)
        self.last_layer = nn.Linear(1024, classes)

    def forward(self, x):
        return self.last_layer(self.layers(torch.flatten(x, 1)))


class PositionEmbedding(nn.Module):
    def __init__(self, positions, features):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(positions, features))

    def forward(self, x):
        return x + self.weight[: x.shape[1]]


class Attention(nn.Module):
    """Scaled dot products of heads; torch.fx keeps it as one node here."""

    def __init__(self, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal

    def split(self, x):
        rows, tokens, features = x.shape
        return x.reshape(rows, tokens, self.heads, features // self.heads).permute(0, 2, 1, 3)

    def forward(self, query, key, value):
        rows, tokens, features = query.shape
        scores = torch.matmul(self.split(query), self.split(key).transpose(2, 3)) / (features // self.heads) ** 0.5
        if self.causal:
            scores = scores + torch.full((tokens, tokens), float("-inf")).triu(1)
        mixed = torch.matmul(torch.softmax(scores, -1), self.split(value))
        return mixed.permute(0, 2, 1, 3).reshape(rows, tokens, features)


class Block(nn.Module):
    def __init__(self, features, heads, causal):
        super().__init__()
        self.norm1 = nn.LayerNorm(features)
        self.query, self.key, self.value = (nn.Linear(features, features) for _ in range(3))
        self.attention = Attention(heads, causal)
        self.out = nn.Linear(features, features)
        self.norm2 = nn.LayerNorm(features)
        self.linear1 = nn.Linear(features, 4 * features)
        self.gelu = nn.GELU()
        self.linear2 = nn.Linear(4 * features, features)

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.out(self.attention(self.query(y), self.key(y), self.value(y)))
        return x + self.linear2(self.gelu(self.linear1(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self, depth, features, heads, language_modelling, vocabulary=256, tokens=64, classes=2):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, features)
        self.position_embedding = PositionEmbedding(tokens, features)
        self.blocks = nn.Sequential(*(Block(features, heads, language_modelling) for _ in range(depth)))
        self.norm = nn.LayerNorm(features)
        self.head = nn.Linear(features, vocabulary if language_modelling else classes)
        self.language_modelling = language_modelling

    def forward(self, x):
        x = self.norm(self.blocks(self.position_embedding(self.embedding(x))))
        return self.head(x if self.language_modelling else x.mean(1))


def features(rows):
    return torch.randn(rows, 16)


def image(rows):
    return torch.randn(rows, 3, 32, 32)


def digit(rows):
    return torch.randn(rows, 1, 28, 28)


def text(rows):
    return torch.randint(0, 256, (rows, 64))


def three_linear(**options):
    return lambda: Chain("seq_blocks", *jet_layers([16, 16, 16, 5], **options))


NETWORKS = {
    "jsc-toy": (lambda: Chain("seq_blocks", *jet_layers([16, 8, 8, 5], batch_norms=(0, 1, 2))), features),
    "jsc-tiny": (lambda: Chain("seq_blocks", *jet_layers([16, 5])), features),
    "jsc-s": (lambda: Chain("module_list", *jet_layers([16, 64, 32, 32, 32, 5], batch_norms=(0, 4))), features),
    "jsc-trt": (jet_with_dropout, features),
    "jsc-three-linear-layers": (three_linear(), features),
    "jsc-three-linear-layers-v1": (three_linear(relu_between=False), features),
    "jsc-three-linear-layers-logits": (three_linear(relu_last=False), features),
    "jsc-three-linear-layers-v1-logits": (three_linear(relu_between=False, relu_last=False), features),
    "toy": (lambda: Chain("seq_blocks", *jet_layers([16, 8, 8, 5], batch_norm_first=False, relu_last=False)), features),
    "hls4ml-jet": (Hls4mlJet, features),
    "vgg7": (Vgg7, image),
    "vgg7-tiny": (Vgg7Tiny, image),
    "resnet18": (ResNet18, image),
    "mobilenet-v2": (MobileNetV2, image),
    "lenet": (LeNet, digit),
    "lfc": (Lfc, digit),
    "transformer-tiny": (lambda: Transformer(2, 64, 4, False), text),
    "transformer-small": (lambda: Transformer(4, 128, 4, False), text),
    "transformer-tiny:lm": (lambda: Transformer(2, 64, 4, True), text),
    "transformer-small:lm": (lambda: Transformer(4, 128, 4, True), text),
}


def make(name, seed=0):
    """Returns the network, in evaluation mode, with weights of the seed."""
    torch.manual_seed(seed)
    return NETWORKS[name][0]().eval()


def example(name, rows=2, seed=1):
    """Returns a batch that the network reads."""
    torch.manual_seed(seed)
    return NETWORKS[name][1](rows)


class Tracer(torch.fx.Tracer):
    """Keeps attention and the positions' embedding as one node each, as lathe does."""

    def is_leaf_module(self, module, path):
        return isinstance(module, (Attention, PositionEmbedding)) or super().is_leaf_module(module, path)


def describe(name):
    network = make(name)
    output = network(example(name))
    print("network", name)
    print("output", *output.shape[1:])
    for node in Tracer().trace(network).nodes:
        print("node", node.name, node.target if node.op == "call_module" else "")
    for key, tensor in network.state_dict().items():
        print("tensor", key, *tensor.shape)
    print("parameters", sum(parameter.numel() for parameter in network.parameters()))


if __name__ == "__main__":
    if sys.argv[1] == "list":
        print(*NETWORKS, sep="\n")
    for given in sys.argv[2:] if sys.argv[1] == "describe" else []:
        describe(given)
