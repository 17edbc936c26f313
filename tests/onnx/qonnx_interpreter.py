#!/usr/bin/python3
"""Runs QONNX files with numpy, apart from lathe: an independent reading of the QONNX and ONNX specifications.

    qonnx_interpreter.py MODEL INPUT OUTPUT [MODEL INPUT OUTPUT ...]    float32 files

Computes in float64, in which sums of products of quantised numbers are exact in any order.
Quant: https://github.com/fastmachinelearning/qonnx/blob/main/docs/qonnx-custom-ops/quant_op.md
"""

import math
import sys

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper


def attributes_of(node):
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}


def decimal(number):
    """The number that an attribute stands for: 1e-05, which float32 cannot hold exactly."""
    return float(str(np.float32(number)))


def quant(x, scale, zero_point, bits, signed, narrow, rounding_mode):
    assert rounding_mode == b"ROUND"
    low = -(2 ** (bits - 1)) + narrow if signed else 0
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1 - narrow
    codes = np.rint(np.clip(x / scale + zero_point, low, high))  # rint rounds half to even
    return (codes - zero_point) * scale


def windows(x, kernel, stride, pads, dilation, filling):
    """[batch, channels, out_height, out_width, kernel_height, kernel_width]"""
    x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), constant_values=filling)
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    view = np.lib.stride_tricks.sliding_window_view(x, extent, axis=(2, 3))
    return view[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def convolution(x, weight, bias, group=1, kernel_shape=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1)):
    patches = windows(x, weight.shape[2:], strides, pads, dilations, 0.0)
    parts = [np.tensordot(p, w, ([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2) for p, w in
             zip(np.split(patches, group, axis=1), np.split(weight, group, axis=0))]
    result = np.concatenate(parts, axis=1)
    return result if bias is None else result + bias[:, None, None]


def max_pool(x, kernel_shape, strides=(1, 1), pads=(0, 0, 0, 0), ceil_mode=0):
    assert ceil_mode == 0
    return windows(x, kernel_shape, strides, pads, (1, 1), -np.inf).max(axis=(4, 5))


def batch_norm(x, weight, bias, mean, variance, epsilon=1e-5, momentum=0.9):
    shape = (-1,) + (1,) * (x.ndim - 2)
    inverse = 1 / np.sqrt(variance + decimal(epsilon))
    return (x - mean.reshape(shape)) * inverse.reshape(shape) * weight.reshape(shape) + bias.reshape(shape)


def gemm(x, weight, bias=None, transB=0):
    product = x @ (weight.T if transB else weight)
    return product if bias is None else product + bias


def layer_norm(x, weight, bias, axis=-1, epsilon=1e-5):
    centred = x - x.mean(axis=axis, keepdims=True)
    variance = (centred**2).mean(axis=axis, keepdims=True)
    return centred / np.sqrt(variance + decimal(epsilon)) * weight + bias


def softmax(x, axis):
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def reshape(x, shape):
    return x.reshape([x.shape[i] if extent == 0 else int(extent) for i, extent in enumerate(shape)])


OPS = {
    "Quant": quant,
    "Conv": lambda x, w, b=None, **options: convolution(x, w, b, **options),
    "Gemm": gemm,
    "MatMul": np.matmul,
    "Transpose": lambda x, perm: np.transpose(x, perm),
    "Add": np.add,
    "Mul": np.multiply,
    "Relu": lambda x: np.maximum(x, 0),
    "Clip": np.clip,
    "Identity": lambda x: x,
    "Dropout": lambda x, ratio: x,
    "MaxPool": max_pool,
    "BatchNormalization": batch_norm,
    "GlobalAveragePool": lambda x: x.mean(axis=(2, 3), keepdims=True),
    "Flatten": lambda x, axis: x.reshape(x.shape[0], -1),
    "Reshape": reshape,
    "Gather": lambda table, rows, axis=0: np.take(table, rows.astype(int), axis=axis),
    "LayerNormalization": layer_norm,
    "Softmax": softmax,
    "Div": np.divide,
    "Erf": np.vectorize(math.erf),
    "ReduceMean": lambda x, axes, keepdims: x.mean(axis=tuple(axes), keepdims=bool(keepdims)),
    "Concat": lambda *parts, axis: np.concatenate(parts, axis),
}


def run(path, values):
    graph = onnx.load(path).graph
    known = {tensor.name: onnx.numpy_helper.to_array(tensor).astype(np.float64) for tensor in graph.initializer}
    shape = [dimension.dim_value for dimension in graph.input[0].type.tensor_type.shape.dim[1:]]
    known[graph.input[0].name] = values.reshape([-1] + shape).astype(np.float64)
    for node in graph.node:
        inputs = [known[name] for name in node.input]
        known[node.output[0]] = OPS[node.op_type](*inputs, **attributes_of(node))
    return known[graph.output[0].name]


if __name__ == "__main__":
    words = sys.argv[1:]
    for model, source, target in zip(words[::3], words[1::3], words[2::3]):
        run(model, np.fromfile(source, np.float32)).astype(np.float32).tofile(target)
