#!/usr/bin/env python3
"""Narrow beside oneDNN, ONNX Runtime and PyTorch: one network, one picture or one batch at a time, in alternating
rounds.

Every contender is a process that waits for its turn; scores are compared with the float network's before anything is
timed. Ratios are of times in the same round, to the first contender, oneDNN in int8. --onednn adds other versions of oneDNN.
Only Narrow and oneDNN can be held to an instruction set (--isa); the others take what they find. Run by `./dev peers`.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

from contender import Contender, onnxruntime, sqnr_db, sums_once, take_turns, write_nchw

HERE = pathlib.Path(__file__).parent


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
    options = ["--isa", arguments.isa, "--threads", threads, "--batch", str(arguments.batch)]
    subprocess.run([bench, "--write-input", folder / "nhwc.bin", *options, arguments.models[0]], check=True)
    write_nchw(folder / "nhwc.bin", folder / "nchw.bin")
    yield from onednn(bench, options, arguments.models[0])
    for model in arguments.models:
        yield f"Narrow {model.stem}", [bench, "--serve", "narrow", *options, model], {}
    for program in arguments.onednn:
        yield from onednn(program, options, arguments.models[0])
    ort = onnxruntime()
    if ort is not None:
        onnx = folder / "int8.onnx"
        model = arguments.onnx_model or arguments.models[0]
        subprocess.run([narrow, "convert", model, "-o", onnx], check=True, stdout=subprocess.DEVNULL)
        if floats := sums_once(narrow, model):
            print(f"[note] ONNX Runtime runs {len(floats)} convolutions of {model.name} in float, because they are not rounded "
                  "before a residual sum: give it a file that was quantized with --residual-sums twice (--onnx-model)")
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
    parser.add_argument("--batch", type=int, default=1, help="pictures that run together; times are those of a picture [1]")
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build" / "release")
    parser.add_argument("--python", default="/usr/bin/python3", help="the one that has torch")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    running = []
    with tempfile.TemporaryDirectory() as folder:
        for name, command, environment in contenders(arguments, pathlib.Path(folder)):
            try:
                running.append(Contender(name, [str(part) for part in command], environment, arguments.batch))
            except (RuntimeError, OSError) as error:
                if len(running) < 3:
                    sys.exit(f"{name}: {error}")
                print(f"[skipped] {name}: {error}")
        take_turns(running, arguments.rounds)
        table(running, arguments.rounds, arguments.json)
        for contender in running:
            contender.stop()


if __name__ == "__main__":
    main()
