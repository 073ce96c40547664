"""make_model.py NAME FOLDER [--size N] [--pictures N] [--calibration N]

Makes one network of torchvision with random but realistic weights, always the same, and what PyTorch computes with it:
    NAME.pth         state_dict
    NAME.onnx        the network as torch.onnx.export writes it, opset 13, batches of any size
    inputs.bin       float32 [pictures, size, size, 3], normalised
    outputs.bin      float32 [pictures, 1000], PyTorch's scores
    calibration.bin  float32 [calibration, size, size, 3], other pictures
    model.json       name, size, pictures, calibration, classes, simulated_sqnr (see simulate.py)
Exit code 77 and a line "[skipped] reason" where torch or torchvision is missing.
"""
import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True

from networks import SIZES, build, nn, torch
from simulate import simulated_sqnr

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def pictures(count, size, random):
    """Smooth pictures of different brightness and contrast with a little noise: float32 [count, 3, size, size]."""
    smooth = torch.zeros(count, 3, size, size)
    for cells, weight in ((3, 0.5), (12, 0.35), (40, 0.15)):
        coarse = torch.randn(count, 3, cells, cells, generator=random)
        smooth += weight * nn.functional.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)
    contrast = 0.2 + 0.3 * torch.rand(count, 1, 1, 1, generator=random)
    brightness = 0.3 + 0.4 * torch.rand(count, 3, 1, 1, generator=random)
    noise = 0.02 * torch.randn(count, 3, size, size, generator=random)
    return ((brightness + contrast * smooth + noise).clamp(0, 1) - MEAN) / STD


def initialise(model, random):
    """He's initialisation; BatchNorms with scales and shifts around 1.

    With shifts around 0 such a network is chaotic: every layer amplifies what differs, until the rounding of floats
    alone changes the scores of resnet152 by 3e-4, and that to 8 bits by more than their size. Trained networks are not
    like that. Shifts around 1 leave five of six inputs of a ReLU unchanged, which tames random ones.
    """
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                deviation = (2.0 / module.weight[0].numel()) ** 0.5
                module.weight.normal_(0, deviation, generator=random)
                if module.bias is not None:
                    module.bias.normal_(0, 0.05, generator=random)
            elif isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5, generator=random)
                module.bias.normal_(1, 0.2, generator=random)


def observe(model, batches):
    """Gives BatchNorms the mean and variance of their inputs, averaged over batches."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average
        norm.train()
    with torch.no_grad():
        for batch in batches:
            model(batch)
    model.eval()


def save_pixels(path, tensor):
    path.write_bytes(tensor.permute(0, 2, 3, 1).contiguous().numpy().tobytes())


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=list(SIZES))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", type=int, help="height and width of pictures")
    parser.add_argument("--pictures", type=int, default=0)
    parser.add_argument("--calibration", type=int, default=0)
    return parser.parse_args()


def main():
    options = arguments()
    torch.set_num_threads(1)
    size = options.size or SIZES[options.name]
    # Large pictures are few: this has to be fast.
    count = options.pictures or (2 if size >= 200 else 4)
    calibration = options.calibration or (16 if size >= 200 else 64)
    random = torch.Generator().manual_seed(20140904)

    model = build(options.name).eval()
    initialise(model, random)
    observe(model, pictures(calibration, size, random).split(8))
    inputs = pictures(count, size, random)
    with torch.no_grad():
        outputs = model(inputs)

    options.folder.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), options.folder / f"{options.name}.pth")
    torch.onnx.export(model, inputs[:1], options.folder / f"{options.name}.onnx", opset_version=13,
                      input_names=["input"], output_names=["scores"],
                      dynamic_axes={"input": {0: "batch"}, "scores": {0: "batch"}})
    save_pixels(options.folder / "inputs.bin", inputs)
    others = pictures(calibration, size, random)
    save_pixels(options.folder / "calibration.bin", others)
    (options.folder / "outputs.bin").write_bytes(outputs.contiguous().numpy().tobytes())
    (options.folder / "model.json").write_text(json.dumps(
        {"name": options.name, "size": size, "pictures": count, "calibration": calibration,
         "classes": outputs.shape[1], "simulated_sqnr": simulated_sqnr(model, others, inputs, outputs)}))


main()
