"""torchvision's classification networks that Narrow knows by name, and how to make one with realistic random weights."""
import sys
import warnings

warnings.filterwarnings("ignore")
try:
    import torch
    import torchvision
except ImportError as problem:
    print(f"[skipped] {problem}: install Debian's python3-torch and python3-torchvision")
    sys.exit(77)

from torch import nn

# The smallest input (height and width) at which the network's structure is what it is at its own size, and that
# PyTorch can export: the pooling before VGG's and AlexNet's linear layers only as a division without remainder.
SIZES = {
    "alexnet": 224,
    "vgg11": 224,
    "vgg13": 224,
    "vgg16": 224,
    "vgg19": 224,
    "vgg11_bn": 224,
    "vgg13_bn": 224,
    "vgg16_bn": 224,
    "vgg19_bn": 224,
    "resnet18": 64,
    "resnet34": 64,
    "resnet50": 64,
    "resnet101": 64,
    "resnet152": 64,
    "resnext50_32x4d": 64,
    "wide_resnet50_2": 64,
    "squeezenet1_0": 96,
    "squeezenet1_1": 96,
    "densenet121": 96,
    "googlenet": 96,
    "inception_v3": 139,
    "shufflenet_v2_x0_5": 96,
    "shufflenet_v2_x1_0": 96,
    "mobilenet_v2": 96,
    "mobilenet_v3_small": 96,
    "mobilenet_v3_large": 96,
    "mnasnet1_0": 96,
    "efficientnet_b0": 96,
    "regnet_x_400mf": 96,
    "regnet_y_400mf": 96,
}


def without_initialisation(build):
    """build() without the initialisation of torchvision's own, which takes seconds and is overwritten."""
    saved = {name: getattr(nn.init, name) for name in dir(nn.init) if name.endswith("_") and name[0] != "_"}
    resets = {kind: kind.reset_parameters for kind in (nn.Conv2d, nn.Linear)}
    try:
        for name in saved:
            setattr(nn.init, name, lambda tensor, *_, **__: tensor)
        for kind in resets:
            kind.reset_parameters = lambda _: None
        return build()
    finally:
        for name, function in saved.items():
            setattr(nn.init, name, function)
        for kind, function in resets.items():
            kind.reset_parameters = function


def build(name):
    """The network `name` with weights that mean nothing yet."""
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return without_initialisation(lambda: torchvision.models.get_model(name, weights=None, **options))
