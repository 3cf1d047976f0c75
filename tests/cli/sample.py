"""Draws of a prior trained on the demo's winds have the variances and the zonal spectrum of the training fields."""
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, failures, finish, require, run, work

netCDF4, np = require("netCDF4", "numpy")
root = Path(__file__).resolve().parents[2]
prior = work / "prior.h5"


def succeed(*arguments):
    """Runs in the project's root, where the example's paths start. A failure ends the test: it leaves nothing to compare."""
    run(0, *arguments, cwd=root)
    if failures:
        finish()


def read(path):
    with netCDF4.Dataset(path) as f:
        return np.ma.filled(f["uwnd"][:].astype(float), np.nan), np.asarray(f["lat"][:])


succeed("train", "prior", "docs/examples/wind_prior.toml", "-o", prior)
winds, latitude = read(root / "sample_data/demo/wind_training.nc")
# Whole years of months: anomalies from each month's mean, and draws for the middle of each month from theirs.
years = len(winds) // 12
anomalies = np.concatenate([winds[m::12] - winds[m::12].mean(0) for m in range(12)]) * np.sqrt(years / (years - 1))
members = 40
draws = []
for m in range(12):
    succeed("sample", "--model", prior, "-n", members, "-o", work / "draws.nc", "--season", (m + 0.5) / 12, "--seed", m + 1, "--overwrite")
    field, _ = read(work / "draws.nc")
    draws.append((field - field.mean(0)) * np.sqrt(members / (members - 1)))
draws = np.concatenate(draws)
area = np.cos(np.radians(latitude))
area /= area.sum()


def spectrum(x):
    return (np.abs(np.fft.rfft(x, axis=2) / x.shape[2]) ** 2).mean(0).T @ area


check(np.isfinite(draws).all(), "every cell of every draw has a value")
a, b = anomalies.var(0), draws.var(0)
# Both are estimates, of 110 and 468 independent fields: the area mean has a few hundredths of sampling error, and the
# climatology of two harmonics leaves a few more to the anomalies of single months.
ratio = (b.mean(1) @ area) / (a.mean(1) @ area)
check(abs(ratio - 1) < 0.15, f"mean variance of draws over that of the training fields: {ratio:.3f}")
pattern = np.corrcoef(a.ravel(), b.ravel())[0, 1]
check(pattern > 0.95, f"the map of variances has the training fields' pattern: correlation {pattern:.3f}")
# The taper of 7000 km, about one radian, moves power by a wavenumber or two: the flat beginning gains and loses up to
# half, the spectrum's fall over two orders of magnitude stays.
of_draws, of_training = spectrum(draws), spectrum(anomalies)
ratios = of_draws[1:21] / of_training[1:21]
check(np.all((ratios > 0.65) & (ratios < 1.65)), f"power by wavenumber 1 to 20: {np.round(ratios, 2)}")
check(of_training[1] / of_training[20] > 30, "the spectrum falls, so that its agreement says something")
white = np.random.default_rng(1).normal(size=draws.shape) * np.sqrt(b)
check(spectrum(white)[20] / of_training[20] > 5, "noise without structure has another spectrum")

finish()
