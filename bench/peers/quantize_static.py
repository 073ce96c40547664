"""The QDQ file that ONNX Runtime's quantize_static writes by default, after its quant_pre_process, made without it.

Its Python package is no Debian package, so its rules are written down here, as of version 1.21 and later: BatchNorm is
folded; ranges are the extremes over all images and contain zero; every input and output of a convolution, matrix product,
sum, pool, slice and pad is rounded to uint8; ReLU and Clip disappear into the range of their output; weights are int8,
symmetric, without -128; biases are int32.
"""
import numpy as np
import onnx
import onnx.helper as helper
import onnx.numpy_helper as numpy_helper
import torch
from torch import fx

QUANTIZED = {"Conv", "Gemm", "Add", "GlobalAveragePool", "AveragePool", "Slice", "Pad"}
SAME_SCALE = {"Slice", "Pad", "AveragePool"}  # as their input
BATCH = 16


class _Extremes(fx.Interpreter):
    """Of every tensor of the file, over all images that were run."""

    def __init__(self, onnx_module):
        super().__init__(onnx_module.module)
        self.tensors, self.low, self.high = onnx_module.tensors, {}, {}

    def run_node(self, node):
        result = super().run_node(node)
        if name := self.tensors.get(node.name):
            self.low[name] = min(self.low.get(name, 0.0), float(result.min()))
            self.high[name] = max(self.high.get(name, 0.0), float(result.max()))
        return result


def _fold_batch_norm(graph, weights):
    """Into the convolutions before; what the folded nodes made is then made by the convolutions."""
    producer = {node.output[0]: node for node in graph.node}
    for node in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        conv = producer[node.input[0]]
        gamma, beta, mean, variance = (weights[name].astype(np.float64) for name in node.input[1:])
        factor = gamma / np.sqrt(variance + next(a.f for a in node.attribute if a.name == "epsilon"))
        bias = weights[conv.input[2]] if len(conv.input) > 2 else 0
        weight = weights[conv.input[1]] * factor.reshape(-1, 1, 1, 1)
        weights[conv.output[0] + "/weight"] = weight.astype(np.float32)
        weights[conv.output[0] + "/bias"] = (beta + (bias - mean) * factor).astype(np.float32)
        del conv.input[1:]
        conv.input.extend([conv.output[0] + "/weight", conv.output[0] + "/bias"])
        conv.output[0] = node.output[0]
        graph.node.remove(node)


def _drop_activations(graph):
    """ReLU and Clip behind a quantized operator: it writes what they wrote, and their clamp is that of its uint8."""
    producer = {node.output[0]: node for node in graph.node}
    readers = [name for node in graph.node for name in node.input]
    for node in [node for node in graph.node if node.op_type in ("Relu", "Clip")]:
        before = producer[node.input[0]]
        if before.op_type in QUANTIZED and readers.count(node.input[0]) == 1:
            before.output[0] = node.output[0]
            graph.node.remove(node)


class _Writer:
    def __init__(self, weights, extremes, per_channel):
        self.weights, self.extremes, self.per_channel = weights, extremes, per_channel
        self.nodes, self.initializers, self.scales, self.rounded = [], {}, {}, {}

    def _constants(self, name, **values):
        for kind, value in values.items():
            self.initializers[f"{name}_{kind}"] = value
        return [f"{name}_{kind}" for kind in values]

    def _activation(self, name, like=None):
        """The name of the rounded tensor; like: another tensor whose scale it has."""
        if name in self.rounded:
            return self.rounded[name]
        if like in self.scales:
            scale, zero_point = self.scales[like]
        else:
            low, high = self.extremes.low[name], self.extremes.high[name]
            scale = np.float32((high - low) / 255) if high > low else np.float32(1)
            zero_point = np.uint8(np.clip(np.round(-low / scale), 0, 255))
        self.scales[name] = scale, zero_point
        parameters = self._constants(name, scale=np.float32(scale), zero_point=np.uint8(zero_point))
        self.nodes.append(helper.make_node("QuantizeLinear", [name, *parameters], [name + "_quantized"]))
        self.nodes.append(helper.make_node("DequantizeLinear", [name + "_quantized", *parameters], [name + "_dequantized"]))
        self.rounded[name] = name + "_dequantized"
        return self.rounded[name]

    def _parameters(self, node):
        """The names of the dequantized weight and bias."""
        weight = self.weights[node.input[1]]
        axes = tuple(range(1, weight.ndim)) if self.per_channel else None
        scale = np.maximum(np.abs(weight).max(axis=axes), np.finfo(np.float32).tiny).astype(np.float64) / 127
        if len(node.input) > 2:
            bias = np.abs(self.weights[node.input[2]]).astype(np.float64)
            # A bias has to fit into int32 at the scale of its accumulator, or the weights get a larger one.
            smallest = 1.0001 * (bias if self.per_channel else bias.max()) / np.iinfo(np.int32).max
            scale = np.maximum(scale, smallest / self.scales[node.input[0]][0])
        scale = scale.astype(np.float32)
        shape = (-1,) + (1,) * (weight.ndim - 1) if self.per_channel else ()
        integers = np.clip(np.round(weight / scale.reshape(shape)), -127, 127).astype(np.int8)
        name = node.output[0] + "/w"
        inputs = self._constants(name, integers=integers, scale=scale, zero_point=np.zeros_like(scale, np.int8))
        axis = {"axis": 0} if self.per_channel else {}
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [name], **axis))
        names = [name]
        if len(node.input) > 2:
            name = node.output[0] + "/b"
            bias_scale = (scale * self.scales[node.input[0]][0]).astype(np.float32)
            rounded = np.round(self.weights[node.input[2]] / bias_scale.astype(np.float64))
            integers = np.clip(rounded, np.iinfo(np.int32).min, np.iinfo(np.int32).max).astype(np.int32)
            inputs = self._constants(name, integers=integers, scale=bias_scale)
            self.nodes.append(helper.make_node("DequantizeLinear", inputs, [name], **axis))
            names.append(name)
        return names

    def add(self, node):
        if node.op_type not in QUANTIZED:
            for i, name in enumerate(node.input):
                node.input[i] = self.rounded.get(name, name)
            self.nodes.append(node)
            return
        like = node.input[0] if node.op_type in SAME_SCALE else None
        constants = node.input[1:] if node.op_type in ("Slice", "Pad") else []
        inputs = [self._activation(name) for name in node.input if name not in constants and name not in self.weights]
        if node.op_type in ("Conv", "Gemm"):
            inputs += self._parameters(node)
        made = helper.make_node(node.op_type, [*inputs, *constants], node.output)
        made.attribute.extend(node.attribute)
        self.nodes.append(made)
        self._activation(node.output[0], like)


def write_quantized(path, onnx_module, source, calibration, per_channel):
    """path: of the file to write. onnx_module: an OnnxModule of `source`, a float ONNX file. calibration: its images."""
    extremes = _Extremes(onnx_module)
    with torch.inference_mode():
        for start in range(0, len(calibration), BATCH):
            extremes.run(torch.from_numpy(calibration[start:start + BATCH]))
    model = onnx.load(str(source))
    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights.update({node.output[0]: weights[node.input[0]] for node in graph.node
                    if node.op_type == "Identity" and node.input[0] in weights})
    _fold_batch_norm(graph, weights)
    _drop_activations(graph)
    writer = _Writer(weights, extremes, per_channel)
    for node in graph.node:
        if node.op_type != "Identity" or node.output[0] not in weights:
            writer.add(node)
    output = graph.output[0].name
    if output in writer.rounded:  # what is rounded is what the file answers
        writer.nodes.append(helper.make_node("Identity", [writer.rounded[output]], [output + "_answer"]))
        graph.output[0].name = output + "_answer"
    del graph.node[:], graph.value_info[:]
    kept = {name for node in writer.nodes for name in node.input}
    graph.node.extend(node for node in writer.nodes if node.op_type != "Constant" or node.output[0] in kept)
    floats = [tensor for tensor in graph.initializer if tensor.name in kept]
    del graph.initializer[:]
    graph.initializer.extend(floats)
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in writer.initializers.items())
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
