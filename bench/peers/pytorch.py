"""PyTorch as one contender of run.py: pytorch.py int8|float32 ARCHITECTURE CHECKPOINT INPUT THREADS

ARCHITECTURE: a network of torchvision.models.quantization. INPUT: int32 shape [4], float32 [batch, channels, height, width].
int8: eager mode post-training quantization with the default configuration of fbgemm or, where
PyTorch was built without it, onednn, calibrated on INPUT. Answers as onnxruntime.mjs.
"""
import struct
import sys
import time

import torch
import torchvision

kind, architecture, checkpoint, input_path, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
engine = next(name for name in ("fbgemm", "onednn") if name in torch.backends.quantized.supported_engines)
torch.backends.quantized.engine = engine

with open(input_path, "rb") as file:
    shape = struct.unpack("4i", file.read(16))
    picture = torch.frombuffer(bytearray(file.read()), dtype=torch.float32).reshape(shape)

start = time.perf_counter()
model = getattr(torchvision.models.quantization, architecture)(quantize=False)
model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
model.eval()
model.fuse_model()
if kind == "int8":
    model.qconfig = torch.quantization.get_default_qconfig(engine)
    torch.quantization.prepare(model, inplace=True)
    model(picture)
    torch.quantization.convert(model, inplace=True)
with torch.inference_mode():
    model = torch.jit.freeze(torch.jit.trace(model, picture))
    for _ in range(3):  # the first runs compile
        scores = model(picture)
    print(f"ready {1e3 * (time.perf_counter() - start):.3f}", flush=True)
    print(" ".join(map(str, scores.flatten().tolist())), flush=True)
    for line in sys.stdin:
        begin = time.perf_counter()
        for _ in range(int(line)):
            model(picture)
        print(f"{time.perf_counter() - begin:.9f}", flush=True)
