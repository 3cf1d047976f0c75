#!/usr/bin/python3
"""Strokes that go on: pieces a field of truths and of members, from a report of `manifill evaluate --write-members`, by setting.

    /usr/bin/python3 bench/images/pieces.py REPORT [--above 0.35]

A piece is a group of pixels above the limit that touch, at corners too. Prints a table in Markdown, the mean of truths and of each method's members.
"""
import argparse
import csv
import pathlib

import netCDF4
import numpy as np
from scipy import ndimage


def pieces(field, above):
    return ndimage.label(field > above, structure=np.ones((3, 3)))[1]


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("report", type=pathlib.Path)
    options.add_argument("--above", type=float, default=0.35, help="limit, of the range of the images")
    o = options.parse_args()
    with (o.report / "scores.csv").open() as f:
        rows = [r for r in csv.DictReader(f) if r["stratum"] == "setting" and r["kind"] != "all"]
    settings = list(dict.fromkeys((r["kind"], r["value"], int(r["fields"])) for r in rows))
    with netCDF4.Dataset(o.report / "members.nc") as f:
        fields = {name: v[:].filled(np.nan) for name, v in f.variables.items() if name == "truth" or any(d.startswith("realization") for d in v.dimensions)}
    truth = fields.pop("truth")
    if len(truth) != sum(s[2] for s in settings):
        raise SystemExit(f"{o.report}: {len(truth)} cases in members.nc, {sum(s[2] for s in settings)} in scores.csv")
    print("| setting | truth | " + " | ".join(fields) + " |")
    print("|---" * (2 + len(fields)) + "|")
    first = 0
    for kind, value, count in settings:
        own = slice(first, first + count)
        first += count
        means = [np.mean([pieces(x, o.above) for x in truth[own]])]
        means += [np.mean([pieces(x, o.above) for members in f[own] for x in members]) for f in fields.values()]
        print(f"| {kind}, {value} | " + " | ".join(f"{m:.2f}" for m in means) + " |")


if __name__ == "__main__":
    main()
