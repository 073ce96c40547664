"""The images of the test data as the input of a float network: float32 [images, 3, height, width], and their classes."""
import numpy as np
import PIL.Image
import torchvision.transforms.functional as transforms

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# Of each network of bench/accuracy/real_networks.py: mean and standard deviation of pixels in 0..1, and the crop.
PREPARATION = {
    "resnet20": (*IMAGENET, 32),
    "resnet56": (*IMAGENET, 32),
    "resnet20b": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010), 32),
    "mobilenet_v2_cifar": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010), 32),
    "mobilenet_v2": (*IMAGENET, 224),
    "mobilenet_v2_035": ((0.5,) * 3, (0.5,) * 3, 128),
    "mobilenet_v1_025": ((0.5,) * 3, (0.5,) * 3, 224),
}
IMAGENET_RESIZE = 256


def _cifar(path):
    data = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    return data[:, 1:].reshape(-1, 3, 32, 32), data[:, 0].astype(int)


def _photo(path, resize, crop):
    image = PIL.Image.open(path).convert("RGB")
    if resize:
        image = transforms.resize(image, resize)
    return np.asarray(transforms.center_crop(image, crop)).transpose(2, 0, 1)


def _photos(paths, resize, crop):
    return np.stack([_photo(path, resize, crop) for path in paths])


def _prepared(name, pixels):
    mean, std, _ = PREPARATION[name]
    shape = (1, 3, 1, 1)
    return ((pixels.astype(np.float32) / 255 - np.float32(mean).reshape(shape)) / np.float32(std).reshape(shape)).astype(np.float32)


def _spread(items, limit):
    """As `narrow quantize --calibration-limit` thins out a set."""
    return items if len(items) <= limit else [items[i * len(items) // limit] for i in range(limit)]


def calibration_images(name, path, limit=512):
    """path: a file of CIFAR-10 in the binary format, or a folder of photos."""
    crop = PREPARATION[name][2]
    if path.suffix == ".bin":
        pixels = _cifar(path)[0]
        return _prepared(name, pixels[_spread(range(len(pixels)), limit)])
    files = _spread(sorted(file for file in path.iterdir() if file.suffix.lower() in (".jpg", ".jpeg", ".png")), limit)
    return _prepared(name, _photos(files, crop if crop < 224 else IMAGENET_RESIZE, crop))


def test_images(name, path):
    """path: a file of CIFAR-10 in the binary format, or a list of photos and classes. Returns the images and classes."""
    crop = PREPARATION[name][2]
    if path.suffix == ".bin":
        pixels, classes = _cifar(path)
        return _prepared(name, pixels), classes
    lines = [line.split("\t") for line in path.read_text().splitlines() if line]
    # Those of ImageNet are cut already.
    resize = crop if crop < 224 else None
    return _prepared(name, _photos([path.parent / line[0] for line in lines], resize, crop)), np.array([int(line[1]) for line in lines])
