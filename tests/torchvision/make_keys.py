"""Writes tests/importers/architectures/torchvision_keys.inc: what the tensors of torchvision's networks are called, their shapes, and
what the networks cost. Run it by hand when networks.py gains a network:

    /usr/bin/python3 tests/torchvision/make_keys.py > tests/importers/architectures/torchvision_keys.inc

One line per module: its name; C (weight), B (weight and bias) or N (the five tensors of a BatchNorm); the weight's shape.
"""
from networks import SIZES, build, nn, torch, torchvision

KINDS = {
    ("weight",): "C",
    ("weight", "bias"): "B",
    ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"): "N",
}


def multiply_accumulates(model, size):
    """Of all convolutions and linear layers for one picture: elements of the output times weights of one of them."""
    total = 0

    def count(module, _, output):
        nonlocal total
        total += output.numel() * module.weight[0].numel()

    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(count)
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    return total


def lines(model):
    modules = {}
    for key, tensor in model.state_dict().items():
        module, _, part = key.rpartition(".")
        modules.setdefault(module, {})[part] = tensor
    for module, parts in modules.items():
        shape = " ".join(str(size) for size in parts["weight"].shape)
        yield f"{module} {KINDS[tuple(parts)]} {shape}"


def main():
    print(f"// Made by tests/torchvision/make_keys.py with torchvision {torchvision.__version__}; do not edit.")
    for name in SIZES:
        model = build(name).eval()
        size = 299 if name == "inception_v3" else 224
        print(f'{{"{name}", {size}, {multiply_accumulates(model, size)}, R"(')
        print("\n".join(lines(model)))
        print(')"},')


main()
