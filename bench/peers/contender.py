"""What run.py and zoo.py share: a contender is a process that waits for its turn, so that all run in every round."""
import array
import json
import math
import os
import pathlib
import shutil
import struct
import subprocess

HERE = pathlib.Path(__file__).parent


class Contender:
    """A process that says "ready MILLISECONDS" and a line of scores, then runs as many batches as it is told."""

    def __init__(self, name, command, environment=None, batch=1):
        self.name = name
        self.batch = batch
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

    def run(self, batches):
        """Seconds of one picture, the mean of `batches` in a row."""
        self.process.stdin.write(f"{batches}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline()) / (batches * self.batch)

    def stop(self):
        self.process.kill()
        self.process.wait()


def sqnr_db(reference, scores):
    noise = sum((r - s) ** 2 for r, s in zip(reference, scores))
    return math.inf if noise == 0 else 10 * math.log10(sum(r * r for r in reference) / noise)


def write_nchw(nhwc, path):
    """From what peers_bench writes, int32 [4] = batch, height, width, channels and floats, to channels first."""
    data = nhwc.read_bytes()
    batch, height, width, channels = struct.unpack("4i", data[:16])
    values = array.array("f", data[16:])
    planes = array.array("f")
    elements = height * width * channels
    for image in range(batch):
        for channel in range(channels):
            planes.extend(values[image * elements + channel:(image + 1) * elements:channels])
    path.write_bytes(struct.pack("4i", batch, channels, height, width) + planes.tobytes())


def sums_once(narrow, model):
    """The convolutions that are not rounded before a residual sum. ONNX Runtime runs them in float."""
    layers = json.loads(subprocess.run([narrow, "inspect", model, "--json"], check=True, capture_output=True).stdout)
    return [layer["name"] for layer in layers["layers"][:-1]
            if layer["op"] == "Convolution" and layer["weight_bits"] > 0 and layer["activation_bits"] == 32]


def onnxruntime():
    """The command of onnxruntime.mjs, or None, with the reason printed, where ONNX Runtime is not there."""
    packages = pathlib.Path(os.environ.get("NARROW_PEERS_NODE", ""))
    if not shutil.which("node") or not (packages / "node_modules" / "onnxruntime-node").is_dir():
        print("[skipped] ONNX Runtime: NARROW_PEERS_NODE names no folder with the npm package onnxruntime-node")
        return None
    return ["node", HERE / "onnxruntime.mjs"]


def take_turns(running, rounds):
    """Appends the seconds of a picture to Contender.seconds, once a round and contender, of turns of about 50 ms or one batch."""
    batches = [max(1, int(0.05 / (contender.run(3) * contender.batch))) for contender in running]
    for _ in range(rounds):
        for contender, count in zip(running, batches):
            contender.seconds.append(contender.run(count))
