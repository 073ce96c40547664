#!/usr/bin/env python3
"""Narrow beside ONNX Runtime on every network of torchvision, in int8: one picture at a time, in alternating rounds.

The networks have random but realistic weights (tests/torchvision/make_model.py) at the size of their pictures, 224x224 but for
inception_v3. Both engines run the same quantized network: ONNX Runtime gets the QDQ file that Narrow writes, with residual sums
rounded twice, because it runs them in float otherwise. Networks are made once, in --folder. Run by `./dev peers --zoo`.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True

from contender import Contender, onnxruntime, sqnr_db, take_turns, write_nchw

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests" / "torchvision"))


def made(name, width, arguments):
    """The .nrw file of `width` bits, or of 8 bits with sums rounded twice for "peers"; its folder also gets the rest."""
    folder = arguments.folder / name
    model = folder / f"{width}.nrw"
    if model.is_file():
        return model
    if not (folder / "model.json").is_file():
        size = 299 if name == "inception_v3" else 224
        subprocess.run([arguments.python, ROOT / "tests" / "torchvision" / "make_model.py", name, folder, "--size", str(size),
                        "--pictures", "1", "--calibration", "4"], check=True, stdout=subprocess.DEVNULL)
    options = ["--residual-sums", "twice"] if width == "peers" else ["--weights", width, "--activations", width]
    # What costs no time to find: only the speed is measured, and random weights have no accuracy.
    cheap = ["--effort", "fast", "--rounding", "nearest", "--observer", "minmax", "--equalize", "off", "--mix-channels", "off",
             "--residual-copies", "off"]
    partial = folder / "partial.nrw"
    subprocess.run([arguments.build / "narrow", "quantize", folder / f"{name}.pth", "--arch", name, *cheap, "--calibrate",
                    ROOT / "models" / "demo", *options, "-o", partial], check=True, stdout=subprocess.DEVNULL)
    partial.rename(model)
    return model


def measured(name, ort, arguments):
    folder = arguments.folder / name
    bench = arguments.build / "bench" / "peers_bench"
    models = {width: made(name, width, arguments) for width in arguments.widths}
    peers = made(name, "peers", arguments)
    subprocess.run([bench, "--write-input", folder / "nhwc.bin", peers], check=True)
    write_nchw(folder / "nhwc.bin", folder / "nchw.bin")
    subprocess.run([arguments.build / "narrow", "convert", peers, "-o", folder / "peers.onnx"], check=True,
                   stdout=subprocess.DEVNULL)
    threads = str(arguments.threads)
    commands = {f"narrow_{width}": [bench, "--serve", "narrow", "--isa", arguments.isa, "--threads", threads, model]
                for width, model in models.items()}
    if ort is not None:
        commands["onnxruntime"] = [*ort, folder / "peers.onnx", folder / "nchw.bin", threads]
    running = []
    try:
        for contender, command in commands.items():
            running.append(Contender(contender, [str(part) for part in command]))
        take_turns(running, arguments.rounds)
    finally:
        for contender in running:
            contender.stop()
    row = {"network": name}
    for contender in running:
        row[contender.name] = {"median_ms": 1e3 * statistics.median(contender.seconds), "min_ms": 1e3 * min(contender.seconds)}
    if ort is None:
        return row
    # The same integers, but for sums that Narrow rounds once: 20 dB or more apart would be another network.
    row["onnxruntime"]["sqnr_db"] = min(200.0, sqnr_db(running[0].scores, running[-1].scores))
    for contender in running[:-1]:
        ratios = sorted(ours / theirs for ours, theirs in zip(contender.seconds, running[-1].seconds))
        row[contender.name] |= {"ratio": statistics.median(ratios), "ratio_p10": ratios[len(ratios) // 10],
                                "ratio_p90": ratios[-1 - len(ratios) // 10]}
    return row


def cells(row, names):
    parts = [f"{row['network']:20}"]
    for name in names:
        part = row[name]
        spread = f" {part['ratio']:6.2f} ({part['ratio_p10']:.2f} to {part['ratio_p90']:.2f})" if "ratio" in part else ""
        parts.append(f"{part['median_ms']:9.2f}{spread}")
    if "onnxruntime" in row:
        parts.append(f"{row['onnxruntime']['median_ms']:9.2f} {row['onnxruntime']['sqnr_db']:7.1f}")
    return " ".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these networks [all thirty]")
    parser.add_argument("--widths", nargs="+", default=["8"], choices=["8", "6", "4", "3", "2"],
                        help="bits of Narrow's weights and activations [8]")
    parser.add_argument("--isa", default="auto", help="of Narrow; ONNX Runtime takes what it finds")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build" / "zoo", help="of the networks [build/zoo]")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--python", default="/usr/bin/python3", help="the one that has torch")
    parser.add_argument("--make-only", action="store_true", help="make the networks, and measure another time")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    from networks import SIZES
    unknown = [name for name in arguments.only or [] if name not in SIZES]
    if unknown:
        sys.exit(f"unknown network {unknown[0]}; there are: {', '.join(SIZES)}")
    names = arguments.only or list(SIZES)
    if arguments.make_only:
        for name in names:
            print(name, file=sys.stderr)
            for width in [*arguments.widths, "peers"]:
                made(name, width, arguments)
        return
    ort = onnxruntime()
    rows = []
    columns = [f"narrow_{width}" for width in arguments.widths]
    if not arguments.json:
        print(f"{'':20} " + " ".join(f"{f'Narrow {width}/{width} ms':>9} {'ratio (p10 to p90)':>20}" for width in arguments.widths) +
              f" {'ONNX R. ms':>9} {'SQNR dB':>7}")
    for name in names:
        rows.append(measured(name, ort, arguments))
        if not arguments.json:
            print(cells(rows[-1], columns), flush=True)
    if arguments.json:
        print(json.dumps({"rounds": arguments.rounds, "isa": arguments.isa, "threads": arguments.threads, "networks": rows},
                         indent=2))
    elif ort is not None:
        for column in columns:
            ratios = [row[column]["ratio"] for row in rows]
            print(f"{column.replace('_', ' ')} over ONNX Runtime: median {statistics.median(ratios):.2f}, "
                  f"{min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
