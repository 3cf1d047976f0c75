"""Measurements simulated and taken back: winds denoised, deblurred, super-resolved, inpainted, from stations and from two at once; images; noise; refusals."""
import signal
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
import os
from pathlib import Path

from support.png import read_png
from support.program import check, finish, interrupt, require, run, work

netCDF4, np = require("netCDF4", "numpy")
source = Path(os.environ["MANIFILL_SOURCE"])
truth, model = source / "sample_data/demo/wind_truth.nc", source / "sample_data/models/fnoc_wind.flow.h5"


def read(path, name):
    with netCDF4.Dataset(path) as f:
        return np.ma.filled(f[name][:].astype(float), np.nan)


def options(operators, settings):
    out = ["--operators", *operators] if operators else []
    for key, value in settings.items():
        out += ["--set", f"measurement.{key}={value}"]
    return out


wind = read(truth, "uwnd")
latitude, longitude = read(truth, "lat"), read(truth, "lon")
area = np.cos(np.radians(latitude))[:, None] * np.ones(longitude.size)
area /= area.sum()


def rmse(fields):
    there = ~np.isnan(fields)
    return np.sqrt(np.mean(np.sum(area * np.where(there, fields - wind, 0)**2, (1, 2)) / np.sum(area * there, (1, 2))))


def covered(members):
    """Share of the truth within central 90 % intervals, quantiles at k / (n + 1)."""
    n = len(members)
    ranked = np.sort(members, axis=0)

    def quantile(p):
        at = p * (n + 1) - 1
        low = int(at)
        return ranked[low] + (at - low) * (ranked[low + 1] - ranked[low])

    return np.mean(np.sum(area * ((wind >= quantile(0.05)) & (wind <= quantile(0.95))), (1, 2)))


def nearest_up(coarse, lat, lon):
    """The coarse cell that each cell lies in, as a naive user would enlarge it."""
    row = np.abs(latitude[:, None] - lat[None]).argmin(1)
    column = np.abs((longitude[:, None] - lon[None] + 180) % 360 - 180).argmin(1)
    return coarse[:, row][:, :, column]


# Winds of a year that the model has not seen. Each case: operators, options, noise, the largest share of the naive error that may be left, and what
# the naive reconstruction is. On seeds 7 and 8 of the noise the shares were 0.61 (denoise), 0.52 (super-resolve), 0.65 (kernel), and 1.13 against
# 1.93 to 2.2 m/s (deblurred and coarse); a fifth more is allowed. The year is harder for the model than its spread says: coverage was 0.85 to 0.89.
cases = {
    "denoise": ((), {}, 1.0, 0.75),
    "deblur": (("kernel",), {"kernel.weights": "1,1,1,1,1", "kernel.rows": 1}, 0.2, 0.8),
    "super": (("coarsen",), {"coarsen.factor": 2}, 0.3, 0.75),
    "both": (("gaussian_blur", "coarsen"), {"gaussian_blur.width": 800, "coarsen.factor": 3}, 0.2, 0.75),
}
for name, (operators, settings, noise, share) in cases.items():
    seen, out = work / f"{name}.nc", work / f"{name}_out.nc"
    run(0, "measure", truth, "-o", seen, "--noise", noise, "--seed", "5", "--quiet", *options(operators, settings))
    run(0, "reconstruct", "--model", model, "-i", seen, "-o", out, "--noise", noise, "--write-members", "--quiet", *options(operators, settings))
    measured = read(seen, "uwnd")
    naive = measured if measured.shape == wind.shape else nearest_up(measured, read(seen, "lat"), read(seen, "lon"))
    mean, members, spread = read(out, "uwnd"), read(out, "uwnd_member"), read(out, "uwnd_spread")
    check(rmse(mean) < share * rmse(naive), f"{name}: {rmse(mean):.3f} of {rmse(naive):.3f} m/s")
    check(0.8 < covered(members) < 0.95, f"{name}: coverage {covered(members):.3f}")
    check(np.abs(members.mean(0) - mean).max() < 1e-4 and np.abs(members.std(0, ddof=1) - spread).max() < 1e-4, f"{name}: mean and spread are the members'")
    check((read(out, "uwnd_status") == 1).all(), f"{name}: every cell is reconstructed")

finish()
