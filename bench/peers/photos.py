#!/usr/bin/env python3
"""Pictures per second of a folder of photos, from the files to the classes: `narrow classify` beside a program of sharp (libvips,
libjpeg-turbo) and ONNX Runtime, in alternating rounds.

Both resize the shorter side to 256, with other filters, and crop 224x224. One thread runs on one core. Run by `./dev peers --photos`.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

from contender import onnxruntime

HERE = pathlib.Path(__file__).parent


def pinned(threads):
    core = max(os.sched_getaffinity(0))
    return ["taskset", "-c", str(core)] if threads == 1 else []


def narrow_rate(arguments, threads):
    """Pictures per second as `narrow classify` tells them, without the start of the program, like the other's."""
    answer = subprocess.run([*pinned(threads), arguments.build / "narrow", "classify", "--model", arguments.model, arguments.photos,
                             "--threads", str(threads), "--preprocess", "imagenet", "--top", "1"],
                            check=True, capture_output=True, text=True).stdout
    pictures, seconds = re.search(r"(\d+) images in ([0-9.]+) s\s*$", answer).groups()
    return int(pictures) / float(seconds)


def peer_rate(onnx, arguments, threads):
    lines = subprocess.run([*pinned(threads), "node", HERE / "photos.mjs", onnx, arguments.photos, str(threads)], check=True,
                           capture_output=True, text=True).stdout.split()
    return int(lines[0]) / float(lines[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=pathlib.Path, required=True, help="a folder of photos and nothing else")
    parser.add_argument("model", type=pathlib.Path, help="a .nrw file with inputs of 224x224")
    parser.add_argument("--onnx-model", type=pathlib.Path, help="the .nrw of which ONNX Runtime gets the QDQ file, quantized with "
                        "--residual-sums twice, which it runs fastest [the model]")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build" / "release")
    arguments = parser.parse_args()
    if onnxruntime() is None:
        sys.exit(1)
    with tempfile.TemporaryDirectory() as folder:
        onnx = pathlib.Path(folder) / "peers.onnx"
        subprocess.run([arguments.build / "narrow", "convert", arguments.onnx_model or arguments.model, "-o", onnx], check=True,
                       stdout=subprocess.DEVNULL)
        for threads in arguments.threads:
            ours, theirs = [], []
            for _ in range(arguments.rounds):
                ours.append(narrow_rate(arguments, threads))
                theirs.append(peer_rate(onnx, arguments, threads))
            ratios = sorted(a / b for a, b in zip(ours, theirs))
            print(f"{threads} thread{'s' * (threads > 1)}: narrow {statistics.median(ours):.0f} pictures/s, sharp and ONNX Runtime "
                  f"{statistics.median(theirs):.0f}; {statistics.median(ratios):.2f} times as fast "
                  f"({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
