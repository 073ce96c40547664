"""The float networks of the test data (docs/testing.md), with the images and the preparation of each."""
import dataclasses
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CIFAR = ("cifar10_lossless/calibration_2000.bin", "cifar10_lossless/test_500.bin")
IMAGENET = ("imagenet_samples", "imagenet_val/labels.tsv")
TINY = ("imagenet_samples", "tinyimagenet_val/labels.tsv")
V2_100, V2_CIFAR = "mobilenet_v2_100_224_imagenet_recon", "mobilenet_v2_100_cifar10_recon"


@dataclasses.dataclass(frozen=True)
class Network:
    """A float network. `file` is below models/, `images` are what to calibrate with and what to evaluate on."""
    title: str
    file: str
    images: tuple
    options: tuple  # of each narrow command that reads the float network
    evaluate_options: tuple = ()  # of evaluating alone: the test images of ImageNet are cut already
    has_sums: bool = True  # residual ones


NETWORKS = {
    "resnet20": Network("ResNet-20, CIFAR-10", "resnet20_cifar10_akamaster/resnet20_cifar10_akamaster.pth", CIFAR,
                        ("--preprocess", "cifar10-imagenet")),
    "resnet56": Network("ResNet-56, CIFAR-10", "resnet56_cifar10_akamaster/resnet56_cifar10_akamaster.pth", CIFAR,
                        ("--preprocess", "cifar10-imagenet")),
    "resnet20b": Network("ResNet-20 with convolution shortcuts, CIFAR-10",
                         "resnet20b_cifar10_metaquant/resnet20b_cifar10_metaquant.pth", CIFAR, ("--preprocess", "cifar10")),
    "mobilenet_v2_cifar": Network("MobileNetV2 1.0, CIFAR-10", f"{V2_CIFAR}/{V2_CIFAR}.pth", CIFAR,
                                  ("--preprocess", "cifar10", "--stride-2-blocks", "0,4,14")),
    "mobilenet_v2": Network("MobileNetV2 1.0, ImageNet", f"{V2_100}/{V2_100}.pth", IMAGENET, (),
                            ("--preprocess", "imagenet-crop")),
    "mobilenet_v2_035": Network("MobileNetV2 0.35, Tiny-ImageNet",
                                "mobilenet_v2_035_128_tinyimagenet200/mobilenet_v2_035_128_tinyimagenet200.pth", TINY,
                                ("--tf-padding", "--bn-eps", "1e-3", "--preprocess", "mobilenet-tf", "--resize", "128",
                                 "--crop", "128")),
    "mobilenet_v1_025": Network("MobileNetV1 0.25 (ONNX), ImageNet",
                                "mobilenet_v1_025_224_imagenet/mobilenet_v1_025_224_imagenet.folded.onnx", IMAGENET,
                                ("--preprocess", "mobilenet-tf"), ("--resize", "none"), False),
}


def data_folder():
    """Of the test data; ends the program with a word where there is none."""
    folder = pathlib.Path(os.environ.get("NARROW_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "models").is_dir():
        sys.exit("[skipped] real data not found: set NARROW_TEST_DATA, see docs/testing.md")
    return folder
