"""PyTorch's quantization after training, in FX graph mode, with the observers and fake-quantize modules that it has."""
import copy

import numpy as np
import torch
from torch.ao.quantization import (FakeQuantize, MinMaxObserver, PerChannelMinMaxObserver, QConfig, QConfigMapping,
                                   get_default_qconfig_mapping)
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx, prepare_qat_fx

BATCH = 16


def scores(module, images):
    """float32 [images, classes]."""
    with torch.inference_mode():
        return np.concatenate([module(torch.from_numpy(images[i:i + BATCH])).numpy() for i in range(0, len(images), BATCH)])


def integer_engine():
    """The kernels that int8 modules run on: those of x86 that this build has, or None."""
    return next((name for name in ("fbgemm", "onednn") if name in torch.backends.quantized.supported_engines), None)


def quantized_int8(module, calibration, configuration):
    """configuration: "fbgemm", the default of PyTorch for x86 with 7 bits of activations, or "onednn", with 8 bits."""
    torch.backends.quantized.engine = integer_engine()
    example = torch.from_numpy(calibration[:1])
    prepared = prepare_fx(copy.deepcopy(module), get_default_qconfig_mapping(configuration), example)
    scores(prepared, calibration)
    return convert_fx(prepared)


def _fake_quantize(weight_bits, activation_bits):
    activation = FakeQuantize.with_args(observer=MinMaxObserver, quant_min=0, quant_max=2**activation_bits - 1, dtype=torch.quint8)
    weight = FakeQuantize.with_args(
        observer=PerChannelMinMaxObserver, quant_min=-2**(weight_bits - 1), quant_max=2**(weight_bits - 1) - 1,
        dtype=torch.qint8, qscheme=torch.per_channel_symmetric, ch_axis=0)
    return QConfig(activation=activation, weight=weight)


def _widen(fake_quantize):
    """To the 8 bits of the input and of what the last layer reads."""
    for part in (fake_quantize, fake_quantize.activation_post_process):
        part.quant_min, part.quant_max = 0, 255


def fake_quantized(module, calibration, weight_bits, activation_bits):
    """Min/max observers and fake-quantize modules of a few bits; the first and the last layer have 8 bits, as Narrow's."""
    layers = [name for name, layer in module.named_modules() if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear))]
    mapping = QConfigMapping().set_global(_fake_quantize(weight_bits, activation_bits))
    mapping.set_module_name(layers[0], _fake_quantize(8, activation_bits)).set_module_name(layers[-1], _fake_quantize(8, 8))
    prepared = prepare_qat_fx(copy.deepcopy(module).train(), mapping, torch.from_numpy(calibration[:1])).eval()
    modules = dict(prepared.named_modules(remove_duplicate=False))  # what shares a scale shares a module
    nodes = list(prepared.graph.nodes)
    last = next(node for node in reversed(nodes) if node.target == layers[-1])
    first_quantized = next(node for node in nodes if isinstance(modules.get(node.target), FakeQuantize))
    for node in (first_quantized, last.args[0]):
        _widen(modules[node.target])
    prepared.apply(torch.ao.quantization.disable_fake_quant)
    scores(prepared, calibration)
    prepared.apply(torch.ao.quantization.enable_fake_quant)
    prepared.apply(torch.ao.quantization.disable_observer)
    return prepared
