#!/usr/bin/env python3
"""How far the kernels' estimated cycles are from measured ones, and the factors that bring them closest.

Reads CSV of bench/kernel_costs_bench.cpp: the files that are named, or else what that program prints now, three times. Of
several measurements of a kernel and layer the least counts: other load on the machine only adds. For each kernel it
prints the mean and the standard deviation of measured / estimated, with the table in force and after fitting, and the
factor that the constants of the kernel would be multiplied by. The factor minimises the sum of squares of the relative
error, (factor * estimated / measured - 1)^2. Layers of one pixel are left out of this: tiles compute pixels that are not
there, and every kernel's estimate is too small by about the same. It also prints what choosing by these estimates costs,
on all layers: the measured time of the kernel that has the least estimate, relative to the fastest one.

The estimates are those of the table for this CPU, or of --base. Nothing in the repository is written without --write NAME.
It makes kernels/costs/NAME.h, the base with the rows of the measured kernels multiplied, and kernels/costs/data/NAME.csv,
the measurements. Only ratios between kernels count, so factors are relative to that of --anchor. docs/architecture.md
lists what else a new core needs. Run by `./dev fit-costs`.
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
COSTS = ROOT / "kernels" / "costs"
BENCH = ROOT / "build" / "release" / "bench" / "kernel_costs_bench"
MEASUREMENTS = 3


def merged(texts):
    """One row for each kernel and layer, with the least measured cycles, and the same as CSV."""
    least = {}
    for text in texts:
        for row in csv.DictReader(io.StringIO(text)):
            row.setdefault("costs", "zen4")  # all that older files were compared with
            row.setdefault("output_bits", "8")
            row["measured"], row["estimated"] = float(row["measured"]), float(row["estimated"])
            key = tuple(value for name, value in row.items() if name != "measured")
            if key not in least or row["measured"] < least[key]["measured"]:
                least[key] = row
    return list(least.values())


def as_csv(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row | {name: f"{row[name]:.0f}" for name in ("measured", "estimated")})
    return text.getvalue()


def by_kernel(rows):
    kernels = collections.defaultdict(list)
    for row in rows:
        if row["size"] != "1":
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
        key = tuple(row[k] for k in row if k not in ("costs", "isa", "kernel", "measured", "estimated"))
        problems[key].append(row)
    losses = []
    for candidates in problems.values():
        chosen = min(candidates, key=lambda row: row["estimated"] * factors.get(row["kernel"], 1.0))
        losses.append(chosen["measured"] / min(row["measured"] for row in candidates) - 1)
    return sum(losses) / len(losses), max(losses), len(losses)


def multiplied(table, row, factor):
    """The table with the constants of one row multiplied; ratios and counts stay."""
    found = re.search(rf"    \.{row} =.*?\}},\n", table, re.S)
    if found is None:
        sys.exit(f"the table has no row for {row}")
    keep = r"pixel_vector|longer|single"
    changed = re.sub(
        r"(\.(?!(?:" + keep + r") )\w+ = )([0-9.]+)",
        lambda m: m.group(1) + f"{float(m.group(2)) * factor:.4g}",
        found.group(0),
    )
    return table[: found.start()] + changed + table[found.end() :]


def base_of(rows):
    """The name of the table that estimated."""
    names = {row["costs"] for row in rows}
    if len(names) != 1:
        sys.exit(f"the estimates are of several tables: {', '.join(sorted(names))}")
    return names.pop()


def write_table(name, factors, cpus, report, rows):
    """kernels/costs/NAME.h, with what the fit says above it, and its measurements."""
    source = COSTS / f"{base_of(rows)}.h"
    table = source.read_text()
    for kernel, factor in factors.items():
        table = multiplied(table, kernel, factor)
    begin = table.index("#pragma once")
    old = re.search(r"constexpr Table (\w+)", table).group(1)
    new = "k" + name.capitalize()
    head = [f"{', '.join(cpus)}: {source.name} with the rows of measured kernels multiplied, by `./dev fit-costs --write {name}`.",
            f"data/{name}.csv has the measurements; rows of other kernels are those of {source.name}.", ""] + report
    text = "\n".join(("// " + line).rstrip() for line in head) + "\n" + table[begin:].replace(old, new)
    target = COSTS / f"{name}.h"
    target.write_text(text)
    measurements = COSTS / "data" / f"{name}.csv"
    measurements.write_text(as_csv(rows))
    print(f"wrote {target.relative_to(ROOT)} and {measurements.relative_to(ROOT)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("csv", nargs="*", type=pathlib.Path, help="measurements; default: measure now")
    parser.add_argument("--save", type=pathlib.Path, help="also keep the measurements in this file")
    parser.add_argument("--base", metavar="NAME", help="measure with the estimates of this core [the closest to this CPU]")
    parser.add_argument("--anchor", default="convolution_s16_6x16_avx2", help="the kernel whose row stays as it is")
    parser.add_argument("--write", metavar="NAME", help="write kernels/costs/NAME.h and data/NAME.csv, e.g. zen3")
    options = parser.parse_args()
    if options.write and not re.fullmatch(r"[a-z][a-z0-9_]*", options.write):
        parser.error("--write takes small letters, digits and _")

    texts = [path.read_text() for path in options.csv]
    if not texts:
        for _ in range(MEASUREMENTS):
            command = [BENCH, options.base] if options.base else [BENCH]
            texts.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rows = merged(texts)
    if options.save:
        options.save.write_text(as_csv(rows))
    kernels = by_kernel(rows)
    if options.anchor not in kernels:
        sys.exit(f"the anchor {options.anchor} was not measured")
    anchor = fitted_factor(kernels[options.anchor])
    factors = {name: fitted_factor(ratios) / anchor for name, ratios in kernels.items()}

    cpus = sorted({row["cpu"] for row in rows})
    for cpu in cpus:
        print(f"{cpu}: {sum(row['cpu'] == cpu for row in rows)} measurements")
    base = base_of(rows)
    report = [f"measured / estimated           {base}: mean    std    n   fitted: mean    std  factor"]
    for name, ratios in kernels.items():
        mean, std = mean_and_std(ratios)
        fitted_mean, fitted_std = mean_and_std([r / (factors[name] * anchor) for r in ratios])
        report.append(f"{name:31} {mean:10.3f} {std:6.3f} {len(ratios):4} {fitted_mean:14.3f} {fitted_std:6.3f}"
                      f" {factors[name]:7.3f}")
    for title, by in ((base, {}), ("fitted", factors)):
        mean, most, count = loss_of_choice(rows, by)
        report.append(f"choosing by {title}: {100 * mean:.1f} % slower than the fastest kernel on the mean of {count}"
                      f" layers, {100 * most:.0f} % at most")
    print("\n".join(report))
    if options.write:
        write_table(options.write, factors, cpus, report, rows)


if __name__ == "__main__":
    main()
