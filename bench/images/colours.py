#!/usr/bin/python3
"""Pictures in red, green and blue from three reports of `manifill evaluate --write-members`, one for each plane of make_cifar.py.

    /usr/bin/python3 bench/images/colours.py LUMA RED_BLUE GREEN_MAGENTA [--picture FILE.png --kind KIND... --case N]

The reports must be of the same pictures and masks (evaluate.mask_seed) and of noise and members of their own (evaluate.seed). Member
k of a picture is put together from member k of each plane, which are independent given what was observed where the planes are
independent; the turn keeps lengths, so that white noise of the planes is white noise of the colours. Values are held within 0 to 1.
Prints the scores of evaluate (docs/evaluate.md), with places in three colours, in Markdown, by the Python package that the build makes;
--picture draws truth, input, mean and four members of each method.
"""
import argparse
import json
import pathlib
import sys

import netCDF4
import numpy as np
from PIL import Image, ImageDraw
from skimage.metrics import structural_similarity

from make_cifar import NAMES, TURN

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "build/release/python"))
import manifill  # noqa: E402

SCALE = 4  # screen pixels of a pixel
GAP = 4
TEXT = 12


class Planes:
    """Three reports as one: truth, weight, observed [case][3][row][column]; members of a method [case][member][3][row][column]."""

    def __init__(self, folders):
        self.reports = [json.loads((f / "scores.json").read_text()) for f in folders]
        self.files = [netCDF4.Dataset(f / "members.nc") for f in folders]
        for file in self.files:
            file.set_auto_mask(False)
        first = self.reports[0]
        self.settings, self.cases = first["settings"], first["cases"]
        for folder, report in zip(folders[1:], self.reports[1:]):
            if report["settings"] != self.settings or report["cases"] != self.cases or [m["name"] for m in report["methods"]] != self.names():
                raise SystemExit(f"{folder}: other settings, cases or methods than {folders[0]}. Evaluate all planes by one file")
        if len({r["seed"] for r in self.reports}) < len(folders):
            raise SystemExit("two planes have one seed, so that their noise is the same. Set evaluate.seed for each and evaluate.mask_seed for all")
        self.weight = self.stacked("weight")
        if not all(np.array_equal(self.weight[:, 0], self.weight[:, k]) for k in (1, 2)):
            raise SystemExit("planes are hidden at different places. Set evaluate.mask_seed to one value for all")
        self.truth = colours(self.stacked("truth"))

    def names(self):
        return [m["name"] for m in self.reports[0]["methods"]]

    def stacked(self, name, of=slice(None)):
        return np.stack([f[name][of].astype(float) for f in self.files], axis=-3)

    def members(self, method, case):
        """[member][3][row][column]"""
        key = "".join(c if c.isalnum() else "_" for c in method)
        return colours(np.stack([f[f"{name}_{key}"][case].astype(float) for f, name in zip(self.files, NAMES)], axis=-3))

    def observed(self, case):
        return colours(self.stacked("observed", case))

    def takes(self, method, case):
        index = self.names().index(method)
        own = [report["methods"][index]["cases"][case] for report in self.reports]
        return all(c.get("weight") and not c.get("not_applicable") for c in own)

    def sample_ms(self, folders):
        """Of every method, over the planes."""
        times = [{t["name"]: t["sample_ms"] for t in json.loads((f / "timings.json").read_text())} for f in folders]
        return {name: sum(t[name] for t in times) for name in self.names()}


def colours(planes):
    return np.clip(np.einsum("pc,...pij->...cij", TURN, planes), 0.0, 1.0)


def similarity(a, b):
    return structural_similarity(a, b, channel_axis=0, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)


def score(x, y, w):
    """x [member][3][row][column], y, w [3][row][column]."""
    found = manifill.scores(x.reshape(len(x), -1), y.ravel(), (w > 0).ravel())
    return {"crps": found["crps"],
            "square": found["rmse"]**2,
            "coverage90": found["coverage90"],
            "psnr": -20 * np.log10(found["rmse"]),
            "ssim": similarity(x.mean(0), y),
            "ssim_members": np.mean([similarity(m, y) for m in x]),
            "diversity": found["diversity"]}


def discrepancy(x, y):
    return manifill.squared_mmd(x.reshape(len(x), -1), y.reshape(len(y), -1))


def table(planes, folders):
    print("| setting | noise | fields | method | CRPS | over the best, % | RMSE | 90 % covers | PSNR | SSIM | of members | MMD^2 | diversity | a member, ms |")
    print("|---" * 14 + "|")
    sample_ms = planes.sample_ms(folders)
    for s, setting in enumerate(planes.settings):
        rows = {}
        cases = [k for k, c in enumerate(planes.cases) if c["setting"] == s]
        for method in planes.names():
            own = [k for k in cases if planes.takes(method, k)]
            if not own:
                continue
            members = {k: planes.members(method, k) for k in own}
            scores = [score(members[k], planes.truth[k], planes.weight[k]) for k in own]
            rows[method] = {key: np.mean([v[key] for v in scores]) for key in scores[0]}
            rows[method]["fields"] = len(own)
            rows[method]["mmd"] = np.mean([discrepancy(np.stack([members[k][m] for k in own]), planes.truth[own]) for m in range(min(3, len(members[own[0]])))]) if len(own) > 2 else np.nan
        if not rows:
            continue
        best = min(r["crps"] for r in rows.values())
        for method, r in rows.items():
            print(f"| {setting['kind']} | {setting['noise']:g} | {r['fields']} | {method} | {r['crps']:.4f} | {100 * (r['crps'] / best - 1):+.1f} | {np.sqrt(r['square']):.4f} | "
                  f"{r['coverage90']:.3f} | {r['psnr']:.1f} | {r['ssim']:.3f} | {r['ssim_members']:.3f} | {r['mmd']:.4f} | {r['diversity']:.4f} | {sample_ms[method]:.3g} |")


def picture(planes, kinds, case, path):
    heads = ["truth", "input", "mean", "member 1", "member 2", "member 3", "member 4"]
    side = SCALE * planes.truth.shape[-1]
    left = 80
    rows = []
    for kind in kinds:
        of_kind = [k for k, c in enumerate(planes.cases) if planes.settings[c["setting"]]["kind"] == kind]
        if case >= len(of_kind):
            raise SystemExit(f"{len(of_kind)} cases of '{kind}'; kinds are {sorted({s['kind'] for s in planes.settings})}")
        rows += [(of_kind[case], m) for m in planes.names() if planes.takes(m, of_kind[case])]
    sheet = Image.new("RGB", (left + len(heads) * (side + GAP), TEXT + 4 + len(rows) * (side + GAP)), "white")
    draw = ImageDraw.Draw(sheet)
    for j, head in enumerate(heads):
        draw.text((left + j * (side + GAP), 2), head, fill="black")
    for i, (k, method) in enumerate(rows):
        seen = planes.observed(k)
        seen[:, np.isnan(seen).any(0)] = 0.5
        top = TEXT + 4 + i * (side + GAP)
        draw.text((4, top + side // 2 - TEXT // 2), method, fill="black")
        members = planes.members(method, k)
        for j, image in enumerate([planes.truth[k], seen, members.mean(0), *members[:4]]):
            shown = np.kron((255 * image + 0.5).astype("u1").transpose(1, 2, 0), np.ones((SCALE, SCALE, 1), "u1"))
            sheet.paste(Image.fromarray(shown), (left + j * (side + GAP), top))
    sheet.save(path, optimize=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("reports", nargs=3, type=pathlib.Path, help="directories that evaluate wrote: luma, red_blue, green_magenta")
    options.add_argument("--picture", type=pathlib.Path, help="PNG to draw, in place of the table")
    options.add_argument("--kind", nargs="+", default=["scattered"], help="as in evaluate.withhold, or an operator with its option: coarsen factor=4")
    options.add_argument("--case", type=int, default=0, help="which case of each kind, from 0")
    o = options.parse_args()
    planes = Planes(o.reports)
    if o.picture:
        picture(planes, o.kind, o.case, o.picture)
    else:
        table(planes, o.reports)


if __name__ == "__main__":
    main()
