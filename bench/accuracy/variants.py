#!/usr/bin/env python3
"""How much each technique of the quantizer gives, and how much is chance of the calibration images.

--ablation: one technique at a time is switched off, or on where the default leaves it out. --sets N: N calibration sets
without an image in common, of the networks for CIFAR-10. A cell is top-1 in %, agreement with the float network in %, and
divergence of the answers from it in nats, on the test images. "=": the default does the same; a technique that does not
concern a network has no row. Results are kept in --folder, so that the same command goes on where it was ended. Run by `./dev accuracy --ablation` and `./dev accuracy --sets N`.
"""
import argparse
import concurrent.futures
import pathlib
import sys

sys.dont_write_bytecode = True

from narrow_results import Narrow, cell, markdown
from real_networks import CIFAR, NETWORKS, ROOT, data_folder

PREPARATIONS_OFF = ("--equalize", "off", "--mix-channels", "off", "--residual-copies", "off", "--residual-sums", "twice",
                    "--free-bits", "off")
PLAIN = ("--observer", "minmax", "--rounding", "nearest", *PREPARATIONS_OFF)
VARIANTS = {
    "default": (),
    "ranges: min/max": ("--observer", "minmax"),
    "ranges: moving average": ("--observer", "moving-average"),
    "ranges: by their readers (auto)": ("--observer", "auto"),
    "weights rounded to the nearest": ("--rounding", "nearest"),
    "weights rounded to the nearest, biases as they are": ("--rounding", "nearest", "--no-bias-correction"),
    "not equalized": ("--equalize", "off"),
    "equalized": ("--equalize", "on"),
    "not mixed": ("--mix-channels", "off"),
    "mixed": ("--mix-channels", "on"),
    "no narrow copies": ("--residual-copies", "off"),
    "narrow copies": ("--residual-copies", "on"),
    "residual sums rounded twice": ("--residual-sums", "twice"),
    "residual sums rounded once": ("--residual-sums", "once"),
    "no free bits": ("--free-bits", "off"),
    "no free bits of weights": ("--free-bits", "activations"),
    "effort fast": ("--effort", "fast"),
    "min/max, nearest, nothing prepared, biases corrected": PLAIN,
    "min/max, nearest, nothing prepared, biases as they are": (*PLAIN, "--no-bias-correction"),
}
# What the default says of a preparation where it takes it, and where it leaves it out. It says nothing where a network has
# nothing to prepare, and where activations have 8 bits, because it does not try then.
SAID = {"--equalize": ("have equalized", "are not equalized"), "--mix-channels": ("have mixed", "are not mixed"),
        "--residual-copies": ("layers read copies", "have the bits of the layers"),
        "--free-bits": ("would save little time", "would save little time")}


def is_default(network, width, options, prepared):
    """Whether `options` only ask for what the default did, which says that it `prepared` this."""
    if len(options) != 2:
        return False
    if options[0] == "--residual-sums":
        return not network.has_sums
    if options == ("--free-bits", "activations"):
        return not any(text.startswith("weights of") for text in prepared)
    if options[0] not in SAID:
        return False
    taken, left = (any(words in text for text in prepared) for words in SAID[options[0]])
    if options[1] == "off":
        return not taken
    return taken or (not left and not width.endswith("/8") and width != "8")


def ablation(narrow, names, widths, jobs):
    def row(network, title, defaults):
        cells = [title]
        for width in widths:
            if title == "default":
                defaults[width] = narrow.result(network, width)
                cells.append(cell(defaults[width]))
            elif is_default(network, width, VARIANTS[title], defaults[width]["prepared"]):
                cells.append("=")
            else:
                result = narrow.result(network, width, VARIANTS[title])
                cells.append("=" if result["model"] == defaults[width]["model"] else cell(result))
            print(f"{network.title}, {title}, {width}: {cells[-1]}", file=sys.stderr, flush=True)
        return cells

    for name in names:
        network, defaults = NETWORKS[name], {}
        rows = [row(network, "default", defaults)]
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            rows += pool.map(lambda title: row(network, title, defaults), list(VARIANTS)[1:])
        result = defaults[widths[0]]
        rows = [cells for cells in rows if set(cells[1:]) != {"="}]  # what does not concern this network
        header = [width if "/" in width else f"{width}/{width}" for width in widths]
        print(markdown([f"{network.title}, float {result['float_top1']:.1f}", *header], rows), flush=True)
        print(f"\nMeasured on a core of kind {result['core'] or 'unknown'}.\n", flush=True)


# Of a CIFAR-10 file in the binary format: the label and 32x32 pixels in three planes.
IMAGE_BYTES = 1 + 3 * 32 * 32
SET_IMAGES = 512


def spread(narrow, names, widths, sets, jobs):
    images = (narrow.data / CIFAR[0]).read_bytes()
    sets = min(sets, len(images) // IMAGE_BYTES // SET_IMAGES)
    files = []
    for i in range(sets):
        files.append(narrow.folder / f"cifar10_{i}.bin")
        size = SET_IMAGES * IMAGE_BYTES
        files[-1].write_bytes(images[i * size:(i + 1) * size])
    rows = []
    for name in names:
        network, cells = NETWORKS[name], []
        if network.images != CIFAR:
            print(f"[skipped] {network.title}: there are too few calibration images for {sets} sets", file=sys.stderr)
            continue
        for width in widths:
            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                results = list(pool.map(lambda file: narrow.result(network, width, (), file), files))
            ranges = [f"{min(r[key] for r in results):{form}} to {max(r[key] for r in results):{form}}"
                      for key, form in (("top1", ".1f"), ("agreement", ".1f"), ("divergence", ".3g"))]
            cells.append("; ".join(ranges))
            print(f"{network.title}, {width}: {cells[-1]}", file=sys.stderr, flush=True)
        rows.append([f"{network.title}, float {results[0]['float_top1']:.1f}", *cells])
    header = [width if "/" in width else f"{width}/{width}" for width in widths]
    print(markdown([f"{sets} sets of {SET_IMAGES} images", *header], rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--ablation", action="store_true", help="one technique at a time")
    kind.add_argument("--sets", type=int, metavar="N", help="N calibration sets, 3 at most")
    parser.add_argument("bits", nargs="*", help='"4", or "4/8" of weights/activations [4/8 4 3 2/4; with --sets 4 3 2/4 2]')
    parser.add_argument("--only", nargs="+", choices=NETWORKS, metavar="NAME", help=f"of {', '.join(NETWORKS)} "
                        "[resnet20, mobilenet_v2_cifar and mobilenet_v1_025; with --sets those for CIFAR-10]")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build" / "accuracy", help="of results [build/accuracy]")
    parser.add_argument("--jobs", type=int, default=1, help="networks that are quantized at a time")
    parser.add_argument("--threads", type=int, default=1, help="of each")
    arguments = parser.parse_args()
    narrow = Narrow(arguments.build / "narrow", data_folder(), arguments.folder, arguments.threads)
    if arguments.ablation:
        ablation(narrow, arguments.only or ["resnet20", "mobilenet_v2_cifar", "mobilenet_v1_025"],
                 arguments.bits or ["4/8", "4", "3", "2/4"], arguments.jobs)
    else:
        names = arguments.only or [name for name, network in NETWORKS.items() if network.images == CIFAR]
        spread(narrow, names, arguments.bits or ["4", "3", "2/4", "2"], arguments.sets, arguments.jobs)


if __name__ == "__main__":
    main()
