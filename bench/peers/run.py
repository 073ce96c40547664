#!/usr/bin/env python3
"""Narrow beside oneDNN, ONNX Runtime and PyTorch: one network, one picture at a time, in alternating rounds.

Every contender is a process that waits for its turn; scores are compared with the float network's before anything is
timed. Ratios are of times in the same round, to the first contender, oneDNN in int8. --onednn adds other versions of oneDNN.
Only Narrow and oneDNN can be held to an instruction set (--isa); the others take what they find. Run by `./dev peers`.
"""
import argparse
import array
import json
import math
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent


class Contender:
    def __init__(self, name, command, environment=None):
        self.name = name
        self.seconds = []
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
            env={**os.environ, **(environment or {})})
        ready = self.process.stdout.readline().split()
        if len(ready) != 2 or ready[0] != "ready":
            error = self.process.stderr.read().strip().splitlines()
            raise RuntimeError(error[-1] if error else "it ended without a word")
        self.create_ms = float(ready[1])
        self.scores = [float(score) for score in self.process.stdout.readline().split()]

    def run(self, pictures):
        self.process.stdin.write(f"{pictures}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline()) / pictures


def sqnr_db(reference, scores):
    noise = sum((r - s) ** 2 for r, s in zip(reference, scores))
    return math.inf if noise == 0 else 10 * math.log10(sum(r * r for r in reference) / noise)


def write_nchw(nhwc, path):
    """From what peers_bench writes, int32 [4] = 1, height, width, channels and floats, to channels first."""
    data = nhwc.read_bytes()
    _, height, width, channels = struct.unpack("4i", data[:16])
    values = array.array("f", data[16:])
    planes = array.array("f")
    for channel in range(channels):
        planes.extend(values[channel::channels])
    path.write_bytes(struct.pack("4i", 1, channels, height, width) + planes.tobytes())


def sums_once(narrow, model):
    """The convolutions that are not rounded before a residual sum. ONNX Runtime runs them in float."""
    layers = json.loads(subprocess.run([narrow, "inspect", model, "--json"], check=True, capture_output=True).stdout)
    return [layer["name"] for layer in layers["layers"][:-1]
            if layer["op"] == "Convolution" and layer["weight_bits"] > 0 and layer["activation_bits"] == 32]


def onednn(program, options, model):
    try:
        version = subprocess.run([program, "--onednn-version"], check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{program} is no peers_bench: {error}")
    for precision in ("int8", "float32"):
        yield f"oneDNN {version} {precision}", [program, "--serve", f"onednn_{precision}", *options, model], {}


def contenders(arguments, folder):
    bench = arguments.build / "bench" / "peers_bench"
    narrow = arguments.build / "narrow"
    threads = str(arguments.threads)
    options = ["--isa", arguments.isa, "--threads", threads]
    subprocess.run([bench, "--write-input", folder / "nhwc.bin", arguments.models[0]], check=True)
    write_nchw(folder / "nhwc.bin", folder / "nchw.bin")
    yield from onednn(bench, options, arguments.models[0])
    for model in arguments.models:
        yield f"Narrow {model.stem}", [bench, "--serve", "narrow", *options, model], {}
    for program in arguments.onednn:
        yield from onednn(program, options, arguments.models[0])
    node_modules = pathlib.Path(os.environ.get("NARROW_PEERS_NODE", ""))
    if not shutil.which("node") or not (node_modules / "node_modules" / "onnxruntime-node").is_dir():
        print("[skipped] ONNX Runtime: NARROW_PEERS_NODE names no folder with the npm package onnxruntime-node")
    else:
        onnx = folder / "int8.onnx"
        model = arguments.onnx_model or arguments.models[0]
        subprocess.run([narrow, "convert", model, "-o", onnx], check=True, stdout=subprocess.DEVNULL)
        if floats := sums_once(narrow, model):
            print(f"[note] ONNX Runtime runs {len(floats)} convolutions of {model.name} in float, because they are not rounded "
                  "before a residual sum: give it a file that was quantized with --residual-sums twice (--onnx-model)")
        ort = ["node", HERE / "onnxruntime.mjs"]
        yield "ONNX Runtime int8 (QDQ)", [*ort, onnx, folder / "nchw.bin", threads], {}
        if arguments.checkpoint:
            onnx = folder / "float32.onnx"
            subprocess.run([narrow, "convert", arguments.checkpoint, "--arch", arguments.arch, "-o", onnx], check=True,
                           stdout=subprocess.DEVNULL)
            yield "ONNX Runtime float32", [*ort, onnx, folder / "nchw.bin", threads], {}
    if not arguments.checkpoint:
        print("[skipped] PyTorch: it wants --arch and --checkpoint")
    else:
        torch = [arguments.python, HERE / "pytorch.py"]
        rest = [arguments.arch, arguments.checkpoint, folder / "nchw.bin", threads]
        yield "PyTorch int8", [*torch, "int8", *rest], {}
        yield "PyTorch float32", [*torch, "float32", *rest], {}


def table(running, rounds, as_json):
    reference = running[1].scores  # the first oneDNN in float32
    rows = []
    for contender in running:
        ratios = sorted(a / b for a, b in zip(contender.seconds, running[0].seconds))
        rows.append({
            "name": contender.name,
            "median_ms": 1e3 * statistics.median(contender.seconds),
            "min_ms": 1e3 * min(contender.seconds),
            "ratio": statistics.median(ratios),
            "ratio_p10": ratios[len(ratios) // 10],
            "ratio_p90": ratios[-1 - len(ratios) // 10],
            "create_ms": contender.create_ms,
            "sqnr_db": min(200.0, sqnr_db(reference, contender.scores)),
        })
    if as_json:
        print(json.dumps({"rounds": rounds, "contenders": rows}, indent=2))
        return
    print(f"{'':30} {'median ms':>10} {'min':>8} {'ratio':>7} {'p10':>7} {'p90':>7} {'create ms':>10} {'SQNR dB':>8}")
    for row in rows:
        print(f"{row['name']:30} {row['median_ms']:10.2f} {row['min_ms']:8.2f} {row['ratio']:7.3f} "
              f"{row['ratio_p10']:7.3f} {row['ratio_p90']:7.3f} {row['create_ms']:10.1f} {row['sqnr_db']:8.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path, help=".nrw files of one network; 8/8 bits first")
    parser.add_argument("--onnx-model", type=pathlib.Path, help="the .nrw of which ONNX Runtime gets the QDQ file, quantized "
                        "with --residual-sums twice, which it runs fastest [the first]")
    parser.add_argument("--onednn", action="append", default=[], type=pathlib.Path, metavar="PROGRAM",
                        help="a peers_bench that was built with another oneDNN; may be repeated")
    parser.add_argument("--arch", help="the network's name in torchvision, for PyTorch")
    parser.add_argument("--checkpoint", type=pathlib.Path, help="its float weights, for PyTorch and ONNX Runtime")
    parser.add_argument("--isa", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build" / "release")
    parser.add_argument("--python", default="/usr/bin/python3", help="the one that has torch")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    running = []
    with tempfile.TemporaryDirectory() as folder:
        for name, command, environment in contenders(arguments, pathlib.Path(folder)):
            try:
                running.append(Contender(name, [str(part) for part in command], environment))
            except (RuntimeError, OSError) as error:
                if len(running) < 3:
                    sys.exit(f"{name}: {error}")
                print(f"[skipped] {name}: {error}")
        pictures = [max(1, int(0.05 / contender.run(3))) for contender in running]
        for _ in range(arguments.rounds):
            for contender, count in zip(running, pictures):
                contender.seconds.append(contender.run(count))
        table(running, arguments.rounds, arguments.json)
        for contender in running:
            contender.process.kill()


if __name__ == "__main__":
    main()
