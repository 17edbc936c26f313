#!/usr/bin/python3
"""Exchanges model files with lathe from PyTorch's side, knowing safetensors by its public specification alone.

    torch_exchange.py read FOLDER    loads best.safetensors strictly and compares with outputs.bin
    torch_exchange.py write FOLDER   writes theirs.safetensors, their PyTorch files and outputs_theirs.bin

inputs.bin holds float32 [rows, 16], the outputs float32 [rows, 5].
"""

import json
import os
import struct
import sys

import numpy
import torch

DTYPES = {"F32": numpy.float32, "I64": numpy.int64}


def network():
    """The jsc-toy network: state-dict names seq_blocks.N.*."""
    blocks = [torch.nn.BatchNorm1d(16), torch.nn.ReLU(), torch.nn.Linear(16, 8), torch.nn.BatchNorm1d(8),
              torch.nn.ReLU(), torch.nn.Linear(8, 5)]
    model = torch.nn.Module()
    model.seq_blocks = torch.nn.Sequential(*blocks)
    model.forward = lambda x: model.seq_blocks(x)
    return model


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.copy())
    return tensors, metadata


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        array = tensor.numpy()
        dtype = {numpy.dtype("float32"): "F32", numpy.dtype("int64"): "I64"}[array.dtype]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def outputs_of(model, folder):
    inputs = torch.from_numpy(numpy.fromfile(os.path.join(folder, "inputs.bin"), numpy.float32).reshape(-1, 16))
    model.eval()
    with torch.no_grad():
        return model.seq_blocks(inputs).numpy()


def read(folder):
    tensors, metadata = read_safetensors(os.path.join(folder, "best.safetensors"))
    assert metadata["lathe.format"] == "1", metadata
    assert tensors["seq_blocks.0.num_batches_tracked"].dtype == torch.int64
    model = network()
    model.load_state_dict(tensors, strict=True)
    ours = outputs_of(model, folder)
    lathes = numpy.fromfile(os.path.join(folder, "outputs.bin"), numpy.float32).reshape(-1, 5)
    difference = numpy.abs(ours - lathes).max()
    print(f"largest difference {difference}")
    assert difference <= 1e-5 * max(1, numpy.abs(ours).max()), difference


class Lightning:
    """Looks like what LightningModule saves, without Lightning: the network stands under the attribute `model`."""

    @staticmethod
    def checkpoint(state):
        return {"epoch": 3, "pytorch-lightning_version": "2.0.0",
                "state_dict": {**{"model." + name: value for name, value in state.items()},
                               "loss_weight": torch.ones(2)}}


def write(folder):
    torch.manual_seed(5)
    model = network()
    with torch.no_grad():
        for block in model.seq_blocks:
            if isinstance(block, torch.nn.BatchNorm1d):
                block.running_mean.uniform_(-1, 1)
                block.running_var.uniform_(0.5, 2)
                block.num_batches_tracked.fill_(12)
    state = model.state_dict()
    write_safetensors(os.path.join(folder, "theirs.safetensors"), state)
    torch.save(state, os.path.join(folder, "theirs.pt"))
    torch.save(state, os.path.join(folder, "legacy.pth"), _use_new_zipfile_serialization=False)
    torch.save(Lightning.checkpoint(state), os.path.join(folder, "lightning.ckpt"))
    outputs_of(model, folder).astype(numpy.float32).tofile(os.path.join(folder, "outputs_theirs.bin"))


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](sys.argv[2])
