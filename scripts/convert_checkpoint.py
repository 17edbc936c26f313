#!/usr/bin/env python3
"""Converts a model's weights to a safetensors file that lathe loads.

    python3 scripts/convert_checkpoint.py best.ckpt best.safetensors

Reads PyTorch files (state dicts, whole modules, Lightning checkpoints, TorchScript; needs PyTorch), ONNX models (needs the
onnx package) and HDF5 files of Keras weights (needs h5py). The output is written with the standard library alone.
"""

import argparse
import json
import os
import struct
import sys
import tempfile

# How the safetensors format names the types, by numpy's name.
DTYPES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "uint16": "U16", "float16": "F16", "int32": "I32",
    "uint32": "U32", "float32": "F32", "int64": "I64", "uint64": "U64", "float64": "F64", "bfloat16": "BF16",
}


class Tensor:
    """One tensor as the file stores it: type, shape, little-endian bytes."""

    def __init__(self, dtype, shape, data):
        self.dtype, self.shape, self.data = dtype, list(shape), data


def from_array(array):
    import numpy

    little = numpy.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    if array.dtype.name not in DTYPES:
        sys.exit(f"error: arrays of type {array.dtype.name} cannot be stored")
    return Tensor(DTYPES[array.dtype.name], array.shape, little.tobytes())


def from_torch(tensor):
    import torch

    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        return Tensor("BF16", tensor.shape, tensor.view(torch.int16).numpy().astype("<i2").tobytes())
    return from_array(tensor.numpy())


def write_safetensors(path, tensors):
    """Writes {name: Tensor}: 8 bytes of header length, the JSON header, the data (github.com/huggingface/safetensors)."""
    header, offset = {}, 0
    for name, tensor in tensors.items():
        end = offset + len(tensor.data)
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    folder = os.path.dirname(os.path.abspath(path))
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.data)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def torch_object(path, trusted):
    import torch

    try:
        return torch.jit.load(path, map_location="cpu").state_dict()
    except RuntimeError:
        pass
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as reason:  # the unpickler's own errors have no common class
        if not trusted:
            sys.exit(f"error: {path} holds more than weights ({str(reason).splitlines()[0]}). Loading it can run code "
                     "from the file; add --trust if you know where it comes from")
    try:
        return torch.load(path, map_location="cpu", weights_only=False)
    except TypeError:  # PyTorch before 1.13
        return torch.load(path, map_location="cpu")


def state_dict_of(loaded):
    """Finds the state dict in what torch.load returned; Lightning's has the network under one attribute's name."""
    import torch

    if isinstance(loaded, torch.nn.Module):
        return loaded.state_dict()
    lightning = isinstance(loaded, dict) and "pytorch-lightning_version" in loaded
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
            break
    weights = {name: value for name, value in loaded.items() if torch.is_tensor(value)}
    if lightning or (weights and all(name.startswith("model.") for name in weights)):
        weights = {name.split(".", 1)[1]: value for name, value in weights.items() if name.startswith("model.")}
    return weights


def read_torch(path, trusted):
    try:
        import torch  # noqa: F401
    except ImportError:
        sys.exit("error: PyTorch is needed to read this file (Debian: apt install python3-torch)")
    return {name: from_torch(value) for name, value in state_dict_of(torch_object(path, trusted)).items()}


def read_onnx(path):
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        sys.exit("error: the onnx package is needed to read this file (Debian: apt install python3-onnx)")
    model = onnx.load(path)
    return {item.name: from_array(numpy_helper.to_array(item)) for item in model.graph.initializer}


KERAS_NAMES = {"kernel": "weight", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
               "moving_variance": "running_var"}


def keras_tensor(name, array):
    """Renames `layer/layer/kernel:0` to `layer.weight`; kernels of dense layers are stored transposed."""
    parts = name.split("/")
    leaf = parts[-1].split(":")[0]
    layer = parts[-2] if len(parts) > 1 else parts[0]
    if leaf == "kernel" and array.ndim == 2:
        array = array.T
    return f"{layer}.{KERAS_NAMES.get(leaf, leaf)}", from_array(array)


def read_hdf5(path):
    try:
        import h5py
    except ImportError:
        sys.exit("error: h5py is needed to read this file (Debian: apt install python3-h5py)")
    tensors = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiub" and "optimizer" not in name:
            key, tensor = keras_tensor(name, item[()])
            tensors[key] = tensor

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return tensors


def read_weights(path, trusted):
    with open(path, "rb") as file:
        start = file.read(8)
    if start == b"\x89HDF\r\n\x1a\n":
        return read_hdf5(path)
    if start[:1] == b"\x08":
        return read_onnx(path)
    return read_torch(path, trusted)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", help="PyTorch, Lightning, TorchScript, ONNX or HDF5 file")
    parser.add_argument("output", help="safetensors file to write")
    parser.add_argument("--trust", action="store_true", help="allow a pickle to run code (files you made yourself)")
    arguments = parser.parse_args()
    tensors = read_weights(arguments.input, arguments.trust)
    if not tensors:
        sys.exit(f"error: no tensors found in {arguments.input}")
    write_safetensors(arguments.output, tensors)
    print(f"{arguments.output}: {len(tensors)} tensors")
    for name, tensor in tensors.items():
        print(f"  {name} {tensor.dtype} {tensor.shape}")


if __name__ == "__main__":
    main()
