#!/usr/bin/env python3
"""Accuracy beside PyTorch's and ONNX Runtime's quantization after training: the same networks, the same images.

PyTorch: FX graph mode with the default configurations of x86 and of oneDNN in integers, and its fake-quantize modules with
min/max observers at fewer bits, in float. ONNX Runtime: the QDQ file of quantize_static.py in integers. A cell is top-1 in %
and agreement with the float network in %. What is not there, of data and packages, is named and skipped. Run by
`./dev peers --accuracy`.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "accuracy"))

from contender import onnxruntime
from narrow_results import Narrow, markdown
from real_networks import NETWORKS, ROOT, data_folder

try:
    import numpy as np
    import onnx
    import torch
    import torchvision
except ImportError as error:
    sys.exit(f"[skipped] peers' accuracy: {error}; it needs Debian's python3-torch, python3-torchvision and python3-onnx")

import accuracy_images
import pytorch_quantized
import quantize_static
from onnx_module import OnnxModule

WIDTHS = ["8", "4/8", "4", "2/8", "2"]


def cell(top1, agreement):
    return f"{top1:.1f}; {agreement:.1f}"


class Peers:
    """One float network. Each row is a title and a cell for each width."""

    def __init__(self, name, data, ort, threads):
        network = NETWORKS[name]
        self.ort, self.threads = ort, threads
        folder = data / "models" / pathlib.Path(network.file).parent
        self.source = folder / f"{folder.name}.bn.onnx"
        self.float_network = OnnxModule(self.source)
        self.calibration = accuracy_images.calibration_images(name, data / network.images[0])
        self.images, self.classes = accuracy_images.test_images(name, data / network.images[1])
        self.reference = pytorch_quantized.scores(self.float_network.module, self.images).argmax(1)
        self.float_top1 = 100 * np.mean(self.reference == self.classes)

    def _cell(self, scores):
        best = scores.argmax(1)
        return cell(100 * np.mean(best == self.classes), 100 * np.mean(best == self.reference))

    def _onnxruntime(self, folder, per_channel):
        quantize_static.write_quantized(folder / "qdq.onnx", self.float_network, self.source, self.calibration, per_channel)
        images = folder / "images.f32"
        with open(images, "wb") as file:
            file.write(np.array(self.images.shape, np.int32).tobytes())
            file.write(self.images.tobytes())
        subprocess.run([self.ort[0], HERE / "onnxruntime_scores.mjs", folder / "qdq.onnx", images, folder / "scores.f32",
                        str(self.threads)], check=True)
        return np.fromfile(folder / "scores.f32", np.float32).reshape(len(self.images), -1)

    def rows(self):
        module, only_8 = self.float_network.module, [""] * (len(WIDTHS) - 1)
        if pytorch_quantized.integer_engine():
            for title, configuration in (("PyTorch, defaults of x86 (7-bit activations)", "fbgemm"),
                                         ("PyTorch, defaults of oneDNN", "onednn")):
                quantized = pytorch_quantized.quantized_int8(module, self.calibration, configuration)
                yield [title, self._cell(pytorch_quantized.scores(quantized, self.images)), *only_8]
        else:
            print("[skipped] PyTorch in integers: it was built without fbgemm and oneDNN", file=sys.stderr)
        cells = []
        for width in WIDTHS:
            weights, _, activations = width.partition("/")
            fake = pytorch_quantized.fake_quantized(module, self.calibration, int(weights), int(activations or weights))
            cells.append(self._cell(pytorch_quantized.scores(fake, self.images)))
        yield ["PyTorch, fake-quantize modules, min/max", *cells]
        if self.ort is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            for title, per_channel in (("ONNX Runtime, quantize_static, defaults", False),
                                       ("ONNX Runtime, quantize_static, per channel", True)):
                yield [title, self._cell(self._onnxruntime(pathlib.Path(folder), per_channel)), *only_8]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accuracy", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--only", nargs="+", choices=NETWORKS, metavar="NAME", help=f"of {', '.join(NETWORKS)} [all]")
    parser.add_argument("--no-narrow", action="store_true", help="leave out Narrow's rows, which take longest")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build" / "accuracy",
                        help="of Narrow's results, as of ./dev accuracy --ablation [build/accuracy]")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    data = data_folder()
    torch.set_num_threads(arguments.threads)
    ort = onnxruntime()
    print(f"PyTorch {torch.__version__}; top-1 in %; agreement with the float network in %; first and last layer at 8 bits\n")
    for name in arguments.only or NETWORKS:
        peers = Peers(name, data, ort, arguments.threads)
        rows = []
        for row in peers.rows():
            print(f"{NETWORKS[name].title}, {row[0]}: {' | '.join(row[1:])}", file=sys.stderr, flush=True)
            rows.append(row)
        if not arguments.no_narrow:
            narrow = Narrow(arguments.build / "narrow", data, arguments.folder, arguments.threads)
            results = [narrow.result(NETWORKS[name], width) for width in WIDTHS]
            title = f"Narrow, on a core of kind {results[0]['core'] or 'unknown'}"
            rows.append([title, *[cell(result["top1"], result["agreement"]) for result in results]])
        widths = [width if "/" in width else f"{width}/{width}" for width in WIDTHS]
        print(markdown([f"{NETWORKS[name].title}, float {peers.float_top1:.1f}", *widths], rows) + "\n", flush=True)


if __name__ == "__main__":
    main()
