#!/usr/bin/python3
"""What reports of `manifill evaluate` say together: tables in Markdown.

    compare.py skill REPORT...                 CRPS of each method over the first's, by setting
    compare.py break-even REPORT...            fields after which the flow's training pays, against each sampler
    compare.py alarms REFERENCE REPORT...      how often inputs are called unlike the training data
"""
import argparse
import json
import pathlib
import re

import numpy as np


def load(directory):
    directory = pathlib.Path(directory)
    report = json.loads((directory / "scores.json").read_text())
    report["directory"] = directory.name
    report["timings"] = {t["name"]: t for t in json.loads((directory / "timings.json").read_text())}
    return report


def setting_name(s):
    if s.get("label"):
        return s["label"]
    parts = [s["kind"]]
    if s.get("hidden"):
        parts.append(f"{100 * s['hidden']:.0f} %")
    if s.get("noise") is not None:
        parts.append(f"noise {s['noise']:g}")
    return ", ".join(parts)


def by_field(report, method, setting, key):
    """Mean over the cases of each field, [field]; fields without a scored case are left out."""
    out = {}
    for case, scores in zip(report["cases"], method["cases"]):
        if case["setting"] == setting and scores["weight"]:
            out.setdefault((case["series"], case["step"]), []).append(scores[key])
    return {k: float(np.mean(v)) for k, v in out.items()}


def ratio_of_means(ours, theirs, resamples=2000):
    """Mean of ours over mean of theirs, with a 95 % bootstrap interval over fields."""
    fields = sorted(set(ours) & set(theirs))
    a = np.array([ours[f] for f in fields])
    b = np.array([theirs[f] for f in fields])
    draws = np.random.default_rng(1).integers(0, len(fields), (resamples, len(fields)))
    some = a[draws].mean(1) / b[draws].mean(1)
    return a.mean() / b.mean(), np.quantile(some, 0.025), np.quantile(some, 0.975)


def skill(reports):
    print("| report | setting | method | CRPS | of the first method's |\n|---|---|---|---|---|")
    for r in reports:
        first = r["methods"][0]
        for s, setting in enumerate(r["settings"]):
            theirs = by_field(r, first, s, "crps")
            for method in r["methods"]:
                ours = by_field(r, method, s, "crps")
                if not ours:
                    continue
                value, low, high = ratio_of_means(ours, theirs)
                share = "" if method is first else f"{value:.3f} ({low:.3f} to {high:.3f})"
                print(f"| {r['directory']} | {setting_name(setting)} | {method['name']} | "
                      f"{np.mean(list(ours.values())):.4g} | {share} |")


def break_even(reports, flow, training):
    print("| report | sampler | a member, ms | times the flow's | training, s | pays after fields of "
          f"{reports[0]['members']} members |\n|---|---|---|---|---|---|")
    for r in reports:
        found = re.search(r"flow: [^;]*?([0-9.]+) s", r["model"]["training"])
        if not (found or training) or flow not in r["timings"]:
            raise SystemExit(f"{r['directory']}: no flow's training or timing")
        spent = training or float(found.group(1))
        own = r["timings"][flow]["sample_ms"]
        for name, t in r["timings"].items():
            if name == flow:
                continue
            saved = (t["sample_ms"] - own) * r["members"] / 1000.0
            fields = f"{spent / saved:,.0f}" if saved > 0 else "never: it is no slower"
            print(f"| {r['directory']} | {name} | {t['sample_ms']:.3g} | {t['sample_ms'] / own:.3g} | "
                  f"{spent:.0f} | {fields} |")


def alarms(reference, reports, method, limit):
    known = np.array([c["chi_square"] for c in pick(reference, method)["cases"] if c["weight"]])
    threshold = np.quantile(known, 0.99)
    print(f"Threshold at 1 % false alarms on {reference['directory']} ({len(known)} cases): {threshold:.3g}; the "
          f"program's {limit:g} raises {100 * np.mean(known > limit):.2g} %.\n")
    print(f"| report | cases | at 1 % false alarms | at {limit:g} | CRPS | of the reference's |\n|---|---|---|---|---|---|")
    base = np.mean([c["crps"] for c in pick(reference, method)["cases"] if c["weight"]])
    for r in [reference, *reports]:
        cases = [c for c in pick(r, method)["cases"] if c["weight"]]
        chi = np.array([c["chi_square"] for c in cases])
        crps = np.mean([c["crps"] for c in cases])
        print(f"| {r['directory']} | {len(cases)} | {100 * np.mean(chi > threshold):.3g} % | "
              f"{100 * np.mean(chi > limit):.3g} % | {crps:.4g} | {crps / base:.3f} |")


def pick(report, name):
    for m in report["methods"]:
        if m["name"] == name:
            return m
    raise SystemExit(f"{report['directory']}: no method {name}")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=["skill", "break-even", "alarms"])
    options.add_argument("reports", nargs="+", help="directories that evaluate wrote")
    options.add_argument("--method", default="flow")
    options.add_argument("--training", type=float, help="seconds of the flow's training, where the model's own are of its taking over")
    options.add_argument("--limit", type=float, default=3.0, help="chi-square over its expectation that warns")
    o = options.parse_args()
    reports = [load(r) for r in o.reports]
    if o.what == "skill":
        skill(reports)
    elif o.what == "break-even":
        break_even(reports, o.method, o.training)
    else:
        alarms(reports[0], reports[1:], o.method, o.limit)


if __name__ == "__main__":
    main()
