#!/usr/bin/python3
"""Tables of docs/results.md from reports of `manifill evaluate`: every setting, every method, in Markdown.

    /usr/bin/python3 bench/images/table.py REPORT...

Reports of the same fields, seed and settings are put together, as those of quick and of slow methods. "Over the best" is a
method's CRPS over the least of its setting, less one, in per cent; both of the same report, which the slow methods' may be of fewer
fields.
"""
import argparse
import csv
import json
import pathlib

COLUMNS = (("crps", "CRPS", "{:.4f}"), (None, "over the best, %", "{:+.1f}"), ("rmse", "RMSE", "{:.4f}"),
           ("coverage90", "90 % covers", "{:.3f}"), ("psnr", "PSNR", "{:.1f}"), ("ssim", "SSIM", "{:.3f}"),
           ("ssim_members", "of members", "{:.3f}"), ("squared_mmd", "MMD^2", "{:.4f}"),
           ("diversity", "diversity", "{:.4f}"))


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("reports", nargs="+", type=pathlib.Path, help="directories that evaluate wrote")
    o = options.parse_args()
    print("| setting | fields | method | " + " | ".join(c[1] for c in COLUMNS) + " | a member, ms | evaluations, gradients |")
    print("|---" * (5 + len(COLUMNS)) + "|")
    for report in o.reports:
        with (report / "scores.csv").open() as f:
            rows = [r for r in csv.DictReader(f) if r["stratum"] == "setting" and r["kind"] != "all"]
        cost = {t["name"]: t["sample_ms"] for t in json.loads((report / "timings.json").read_text())}
        settings = list(dict.fromkeys((r["kind"], r["value"]) for r in rows))
        for kind, value in settings:
            own = [r for r in rows if (r["kind"], r["value"]) == (kind, value) and number(r["crps"]) is not None]
            best = min(number(r["crps"]) for r in own)
            for r in own:
                cells = []
                for key, _, form in COLUMNS:
                    x = 100 * (number(r["crps"]) / best - 1) if key is None else number(r[key])
                    cells.append("" if x is None else form.format(x))
                ms = cost.get(r["method"])
                print(f"| {kind}, {value} | {r['fields']} | {r['method']} | " + " | ".join(cells) +
                      f" | {'' if ms is None else f'{ms:.3g}'} | {number(r['evaluations']):g}, {number(r['gradients']):g} |")


if __name__ == "__main__":
    main()
