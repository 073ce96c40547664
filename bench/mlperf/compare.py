#!/usr/bin/env python3
"""What LoadGen measures beside what `narrow bench` measures, for one model and the same images.

In each round both run once, in turn, for 5 seconds; the medians of the rounds are printed, and their ratio. One thread,
batch 1. SingleStream: the median latency. Offline: images per second.
"""
import argparse
import json
import re
import statistics
import subprocess
import tempfile


def loadgen(program, model, pictures, scenario):
    with tempfile.TemporaryDirectory() as logs:
        command = [program, model, pictures, "--scenario", scenario, "--seconds", "5", "--logs", logs]
        if scenario == "Offline":  # LoadGen issues rate * seconds images at once
            command += ["--rate", str(loadgen.rate)]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    pattern = r"^50.00 percentile latency \(ns\)\s*: (\d+)" if scenario == "SingleStream" else r"^Samples per second: ([\d.]+)"
    found = float(re.search(pattern, text, re.M).group(1))
    return found / 1e6 if scenario == "SingleStream" else found


def narrow(program, model, pictures, scenario):
    command = [program, "bench", model, "--json", "--scenario", scenario, "--duration", "5", "--threads", "1",
               "--pictures", pictures]
    document = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return document["latency_ms"]["median"] if scenario == "SingleStream" else document["pictures_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", metavar="MLPERF_BENCH", help="build/release/bench/mlperf/mlperf_bench, see README.md beside this")
    parser.add_argument("command", metavar="NARROW", help="build/release/narrow")
    parser.add_argument("model", metavar="MODEL.nrw")
    parser.add_argument("pictures", metavar="PICTURES", help="a folder of images or a list of them")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    bench, command, model, pictures = arguments.bench, arguments.command, arguments.model, arguments.pictures
    loadgen.rate = 1000 / narrow(command, model, pictures, "SingleStream")
    for scenario, unit in (("SingleStream", "ms"), ("Offline", "images/s")):
        pairs = [(loadgen(bench, model, pictures, scenario), narrow(command, model, pictures, scenario)) for _ in range(arguments.rounds)]
        theirs, ours = (statistics.median(values) for values in zip(*pairs))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{scenario:13s} LoadGen {theirs:.3f} {unit}, narrow bench {ours:.3f} {unit}, ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
