#!/usr/bin/python3
"""What each choice of a flow, or of a prior, is worth: one changed at a time, over several seeds, on held-out fields.

    ablations.py ablations_small_digits.toml OUTPUT [--program build/release/bin/manifill] [--seeds 1 2 3] [--only NAME...]

Each run is a prior (made once for all that share its options), a flow and an evaluation, in directories of their own; what is
done is not done again, so that a stopped run goes on. A plan without a flow scores the prior by the method that it names; seeds
are then the prior's. Prints a table in Markdown: the CRPS over that of plain optimal interpolation on the same cases, mean over
seeds with the least and the largest, and the coverage of 90 % intervals.
"""
import argparse
import hashlib
import json
import pathlib
import subprocess
import tomllib

import numpy as np


def run(program, command, log, resumable):
    log.parent.mkdir(parents=True, exist_ok=True)
    line = [program, *command] + (["--resume"] if resumable else [])
    with log.open("a") as out:
        out.write(" ".join(line) + "\n")
        out.flush()
        if subprocess.run(line, stdout=out, stderr=out).returncode != 0:
            raise SystemExit(f"{' '.join(line)}: failed, see {log}")


def sets(values):
    return [word for value in values for word in ("--set", value)]


def prior_of(o, plan, options):
    values = plan["base"].get("prior_set", []) + options
    name = hashlib.sha1("\n".join(values).encode()).hexdigest()[:12]
    path = o.output / f"prior_{name}.h5"
    if not path.exists():
        run(o.program, ["train", "prior", plan["base"]["prior"], "-o", str(path), *sets(values)],
            o.output / f"prior_{name}.log", False)
    return path


def flow_of(o, plan, change, seed, place):
    flow = place / "flow.h5"
    if not flow.exists():
        prior = prior_of(o, plan, change.get("prior_set", []))
        values = plan["base"].get("flow_set", []) + change.get("flow_set", []) + [f"flow.seed={seed}"]
        run(o.program, ["train", "flow", plan["base"]["flow"], "--prior", str(prior), "-o", str(flow),
                        "--set", f"train.log={place / 'curve.csv'}", *sets(values)],
            place / "log", (place / "flow.h5.checkpoint").exists())
    return flow


def score(o, plan, change, seed):
    place = o.output / change["name"].replace(" ", "_") / str(seed)
    report = place / "report"
    if not (report / "scores.json").exists():
        if "flow" in plan["base"]:
            model = flow_of(o, plan, change, seed, place)
        else:
            model = prior_of(o, plan, [*change.get("prior_set", []), f"score.seed={seed}"])
        run(o.program, ["evaluate", plan["base"]["evaluate"], "--model", str(model), "-o", str(report),
                        *sets(plan["base"].get("evaluate_set", []))], place / "log",
            (report / ".manifill-checkpoint").exists())
    scores = json.loads((report / "scores.json").read_text())
    cases = {m["name"]: [c for c in m["cases"] if c["weight"]] for m in scores["methods"]}
    crps = {name: np.mean([c["crps"] for c in found]) for name, found in cases.items()}
    method = plan["base"].get("method", "flow")
    return crps[method], crps["gaussian"], np.mean([c["covered"][2] for c in cases[method]])


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("plan", type=pathlib.Path)
    options.add_argument("output", type=pathlib.Path)
    options.add_argument("--program", default="build/release/bin/manifill")
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options.add_argument("--only", nargs="+", help="names of changes")
    o = options.parse_args()
    plan = tomllib.loads(o.plan.read_text())
    changes = [{"name": "none"}, *plan["change"]]
    unknown = set(o.only or []) - {c["name"] for c in changes}
    if unknown:
        raise SystemExit(f"{o.plan}: no change named {', '.join(sorted(unknown))}")
    print("| changed | CRPS | over plain optimal interpolation | least, largest of seeds | 90 % covers |")
    print("|---|---|---|---|---|", flush=True)
    reference = None
    for change in changes:
        if o.only and change["name"] not in o.only:
            continue
        found = [score(o, plan, change, seed) for seed in o.seeds]
        reference = reference or np.mean([g for _, g, _ in found])
        shares = [f / reference for f, _, _ in found]
        print(f"| {change['name']} | {np.mean([f for f, _, _ in found]):.4g} | {np.mean(shares):.3f} | "
              f"{min(shares):.3f}, {max(shares):.3f} | {np.mean([c for _, _, c in found]):.3f} |", flush=True)


if __name__ == "__main__":
    main()
