"""What 8 bits cost the same network in PyTorch: float arithmetic with rounded weights and activations.

Random networks have no redundancy, and many amplify every rounding on the way. How much is a property of the network,
which this measures without Narrow: what a correct integer network can be expected to keep.
"""
import copy

from networks import nn, torch

LEVELS = 255
LARGEST_WEIGHT = 127


def fold(model):
    """Folds every BatchNorm that follows a convolution."""
    children = list(model.named_children())
    for (name, child), (_, following) in zip(children, children[1:] + [("", None)]):
        fold(child)
        if isinstance(child, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
            setattr(model, name, torch.nn.utils.fuse_conv_bn_eval(child, following))
            setattr(model, children[[n for n, _ in children].index(name) + 1][0], nn.Identity())


def round_weights(model):
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            largest = module.weight.flatten(1).abs().amax(1).clamp_min(1e-30)
            scale = (largest / LARGEST_WEIGHT).view(-1, *[1] * (module.weight.dim() - 1))
            module.weight.copy_(torch.round(module.weight / scale) * scale)


def sqnr(expected, got):
    return 10 * torch.log10((expected**2).sum() / ((got - expected) ** 2).sum()).item()


def simulated_sqnr(model, calibration, inputs, expected):
    """SQNR in dB of min/max quantization, per channel for weights, per tensor for what each module puts out."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        fold(model)
        ranges = {}
        leaves = [module for module in model.modules() if not list(module.children())]

        def observe(module, _, output):
            low, high = ranges.get(module, (0.0, 0.0))
            ranges[module] = (min(low, output.min().item()), max(high, output.max().item()))

        def quantize(module, _, output):
            low, high = ranges[module]
            scale = max(high - low, 1e-30) / LEVELS
            zero = round(-low / scale)
            return (torch.clamp(torch.round(output / scale) + zero, 0, LEVELS) - zero) * scale

        rectifiers = (nn.ReLU, nn.ReLU6)
        rounded = [module for module, following in zip(leaves, leaves[1:])
                   if not isinstance(module, nn.Identity)
                   and not (isinstance(module, (nn.Conv2d, nn.Linear)) and isinstance(following, rectifiers))]
        hooks = [module.register_forward_hook(observe) for module in rounded]
        model(calibration)
        for hook in hooks:
            hook.remove()
        for module in rounded:
            module.register_forward_hook(quantize)
        round_weights(model)
        return sqnr(expected, model(inputs))
