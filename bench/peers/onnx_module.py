"""A float ONNX file, as PyTorch's exporter writes residual networks, as the PyTorch module that it came from."""
import operator

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch import fx, nn


class OnnxModule:
    """module: a torch.fx.GraphModule of torch.nn's layers. tensors: the name in ONNX of each node's output."""

    def __init__(self, path):
        self.root, self.graph, self.nodes, self.tensors = nn.Module(), fx.Graph(), {}, {}
        model = onnx.load(str(path)).graph
        self.constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.initializer}
        self._tell("input", model.input[0].name, self.graph.placeholder("x"))
        for node in model.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            getattr(self, f"_{node.op_type.lower()}")(node, attributes)
        self.graph.output(self.nodes[model.output[0].name])
        self.module = fx.GraphModule(self.root, self.graph).eval()

    def _tell(self, _, output, node):
        self.nodes[output] = node
        self.tensors[node.name] = output

    def _layer(self, node, layer, weights=()):
        for parameter, name in weights:
            getattr(layer, parameter).data = torch.from_numpy(self.constants[name].copy())
        # Names of PyTorch's modules have no slashes, and one does not begin another.
        name = f"layer{len(self.tensors)}"
        self.root.add_module(name, layer)
        self._tell(node, node.output[0], self.graph.call_module(name, (self.nodes[node.input[0]],)))

    def _function(self, node, function, *rest):
        self._tell(node, node.output[0], self.graph.call_function(function, (self.nodes[node.input[0]], *rest)))

    def _constant(self, node, attributes):
        self.constants[node.output[0]] = onnx.numpy_helper.to_array(attributes["value"])

    def _identity(self, node, _):
        if node.input[0] in self.constants:
            self.constants[node.output[0]] = self.constants[node.input[0]]
        else:
            self.nodes[node.output[0]] = self.nodes[node.input[0]]

    def _conv(self, node, attributes):
        weight = self.constants[node.input[1]]
        groups, pads = attributes.get("group", 1), attributes.get("pads", [0] * 4)
        top, left, bottom, right = pads
        has_bias = len(node.input) > 2
        uneven = (top, left) != (bottom, right)
        layer = nn.Conv2d(weight.shape[1] * groups, weight.shape[0], weight.shape[2:], tuple(attributes.get("strides", (1, 1))),
                          0 if uneven else (top, left), groups=groups, bias=has_bias)
        if uneven:
            padded = self.graph.call_function(nn.functional.pad, (self.nodes[node.input[0]], (left, right, top, bottom)))
            self.tensors[padded.name] = None
            self.nodes[node.input[0] + "/padded"] = padded
            node = onnx.helper.make_node("Conv", [node.input[0] + "/padded", *node.input[1:]], node.output)
        self._layer(node, layer, list(zip(("weight", "bias"), node.input[1:])))

    def _batchnormalization(self, node, attributes):
        layer = nn.BatchNorm2d(len(self.constants[node.input[1]]), eps=attributes.get("epsilon", 1e-5))
        self._layer(node, layer, list(zip(("weight", "bias", "running_mean", "running_var"), node.input[1:])))

    def _gemm(self, node, _):
        weight = self.constants[node.input[1]]
        self._layer(node, nn.Linear(weight.shape[1], weight.shape[0]), list(zip(("weight", "bias"), node.input[1:])))

    def _relu(self, node, _):
        self._layer(node, nn.ReLU())

    def _clip(self, node, _):
        if [float(self.constants[name]) for name in node.input[1:]] != [0, 6]:
            raise ValueError("a Clip that is no ReLU6")
        self._layer(node, nn.ReLU6())

    def _averagepool(self, node, attributes):
        self._layer(node, nn.AvgPool2d(tuple(attributes["kernel_shape"]), tuple(attributes["strides"])))

    def _globalaveragepool(self, node, _):
        self._layer(node, nn.AdaptiveAvgPool2d(1))

    def _reducemean(self, node, attributes):
        mean = self.graph.call_method("mean", (self.nodes[node.input[0]], list(attributes["axes"])))
        self._tell(node, node.output[0], mean)

    def _flatten(self, node, _):
        self._function(node, torch.flatten, 1)

    def _add(self, node, _):
        self._function(node, operator.add, self.nodes[node.input[1]])

    def _slice(self, node, _):
        starts, ends, axes, steps = (self.constants[name].tolist() for name in node.input[1:])
        index = [slice(None)] * 4
        for start, end, axis, step in zip(starts, ends, axes, steps):
            index[axis] = slice(start, None if end >= np.iinfo(np.int32).max else end, step)
        self._function(node, operator.getitem, tuple(index))

    def _pad(self, node, _):
        pads = self.constants[node.input[1]].tolist()
        # PyTorch's order begins with the last axis.
        ours = [pads[axis + side * 4] for axis in (3, 2, 1, 0) for side in (0, 1)]
        self._function(node, nn.functional.pad, tuple(ours))
