#!/usr/bin/env python3
"""How far the kernels' estimated cycles are from measured ones, and the factors that bring them closest.

Reads CSV of bench/kernel_costs_bench.cpp: the files that are named, or else what that program prints now. For each kernel
it prints the mean and the standard deviation of measured / estimated, today and after fitting, and the factor that the
constants of the kernel would be multiplied by. The factor minimises the sum of squares of the relative error,
(factor * estimated / measured - 1)^2. It also prints what choosing by these estimates costs: the measured time of the
kernel that has the least estimate, relative to the fastest one.

Nothing is written without --write, which multiplies the rows of kernels/costs.h. Only ratios between kernels count, so
factors are relative to that of --anchor. Every CPU uses the same table: the choice of kernels stays reproducible. Run by
`./dev fit-costs`.
"""
import argparse
import collections
import csv
import io
import math
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "kernels" / "costs.h"
BENCH = ROOT / "build" / "release" / "bench" / "kernel_costs_bench"


def read_rows(text):
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        row["measured"] = float(row["measured"])
        row["estimated"] = float(row["estimated"])
    return rows


def by_kernel(rows):
    kernels = collections.defaultdict(list)
    for row in rows:
        kernels[row["kernel"]].append(row["measured"] / row["estimated"])
    return kernels


def fitted_factor(ratios):
    # Of sum((f / r - 1)^2) the derivative is 0 where f = sum(1/r) / sum(1/r^2).
    return sum(1 / r for r in ratios) / sum(1 / r**2 for r in ratios)


def mean_and_std(values):
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))


def loss_of_choice(rows, factors):
    """Measured cycles of the kernel with the least estimate, relative to the fastest kernel: mean and largest - 1."""
    problems = collections.defaultdict(list)
    for row in rows:
        key = tuple(row[k] for k in row if k not in ("isa", "kernel", "measured", "estimated"))
        problems[key].append(row)
    losses = []
    for candidates in problems.values():
        chosen = min(candidates, key=lambda row: row["estimated"] * factors.get(row["kernel"], 1.0))
        losses.append(chosen["measured"] / min(row["measured"] for row in candidates) - 1)
    return sum(losses) / len(losses), max(losses), len(losses)


def multiplied(text, kernel, factor):
    """costs.h with the constants of one kernel multiplied; ratios and counts stay."""
    found = re.search(r"// kernel: [^\n]*\b" + kernel + r"\b.*?;\n", text, re.S)
    if not found:
        sys.exit(f"{TABLE.name} has no row for {kernel}")
    keep = r"pixel_vector|longer"
    row = re.sub(
        r"(\.(?!(?:" + keep + r") )\w+ = )([0-9.]+)",
        lambda m: m.group(1) + f"{float(m.group(2)) * factor:.4g}",
        found.group(0),
    )
    return text[: found.start()] + row + text[found.end() :]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("csv", nargs="*", type=pathlib.Path, help="measurements; default: measure now")
    parser.add_argument("--save", type=pathlib.Path, help="keep the measurements in this file")
    parser.add_argument("--anchor", default="convolution_s16_6x16_avx2", help="the kernel whose row stays as it is")
    parser.add_argument("--write", action="store_true", help="multiply the rows of kernels/costs.h")
    options = parser.parse_args()

    texts = [path.read_text() for path in options.csv]
    if not texts:
        texts = [subprocess.run([BENCH], check=True, capture_output=True, text=True).stdout]
        if options.save:
            options.save.write_text(texts[0])
    rows = [row for text in texts for row in read_rows(text)]
    kernels = by_kernel(rows)
    if options.anchor not in kernels:
        sys.exit(f"the anchor {options.anchor} was not measured")
    anchor = fitted_factor(kernels[options.anchor])
    factors = {name: fitted_factor(ratios) / anchor for name, ratios in kernels.items()}

    for cpu in sorted({row["cpu"] for row in rows}):
        print(f"{cpu}: {sum(row['cpu'] == cpu for row in rows)} measurements")
    print("measured / estimated             today: mean   std    n    fitted: mean   std   factor")
    for name, ratios in kernels.items():
        mean, std = mean_and_std(ratios)
        fitted_mean, fitted_std = mean_and_std([r / (factors[name] * anchor) for r in ratios])
        print(
            f"{name:34} {mean:9.3f} {std:6.3f} {len(ratios):4} {fitted_mean:13.3f} {fitted_std:6.3f} {factors[name]:8.3f}"
        )
    for title, by in (("today", {}), ("fitted", factors)):
        mean, most, count = loss_of_choice(rows, by)
        print(f"choosing by the table, {title}: {100 * mean:.1f} % slower than the fastest kernel on the mean of {count}"
              f" layers, {100 * most:.0f} % at most")
    if options.write:
        text = TABLE.read_text()
        for name, factor in factors.items():
            text = multiplied(text, name, factor)
        TABLE.write_text(text)
        print(f"wrote {TABLE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
