#!/usr/bin/env python3
"""Scores filled files against a withheld truth: RMSE, fair CRPS, coverage of central 90 % intervals, area-weighted over
the cells that were hidden. Usage: score_demo.py VARIABLE TRUTH.nc GAPPY.nc TRAINING.nc NAME=FILLED.nc ..."""
import sys

import netCDF4
import numpy as np

variable, truth_path, gappy_path, training_path, *filled = sys.argv[1:]


def values(path, name):
    return np.ma.filled(netCDF4.Dataset(path)[name][:].astype("f8"), np.nan)


truth = values(truth_path, variable)
gappy = values(gappy_path, variable)
hidden = np.isnan(gappy) & ~np.isnan(truth)
file = netCDF4.Dataset(truth_path)
lat, lon = np.radians(np.array(file["lat"][:])), np.radians(np.array(file["lon"][:]))
weight = np.where(hidden, np.cos(lat)[None, :, None], 0.0)


def mean(x):
    return np.nansum(np.where(hidden, x, 0.0) * weight) / weight.sum()


def row(name, rmse, crps, coverage=None):
    print(f"{name:<22} {rmse:>8.3f} {crps:>8.3f} {'' if coverage is None else f'{coverage:>8.3f}'}")


print(f"{hidden.sum()} hidden cells of {truth.shape[0]} months\n{'':<22} {'RMSE':>8} {'CRPS':>8} {'90 % in':>8}")
training = values(training_path, variable)
climatology = np.stack([np.nanmean(training[m::12], 0) for m in range(12)])[: truth.shape[0]]
row("climatology", np.sqrt(mean((climatology - truth) ** 2)), mean(np.abs(climatology - truth)))

xyz = np.stack([(np.cos(lat)[:, None] * np.cos(lon)).ravel(), (np.cos(lat)[:, None] * np.sin(lon)).ravel(),
                np.repeat(np.sin(lat), lon.size)], 1)
nearest = gappy.copy()
for t in range(truth.shape[0]):
    seen = ~np.isnan(gappy[t].ravel())
    closest = (xyz[~seen] @ xyz[seen].T).argmax(1)
    flat = nearest[t].reshape(-1)
    flat[~seen] = gappy[t].ravel()[seen][closest]
row("nearest neighbour", np.sqrt(mean((nearest - truth) ** 2)), mean(np.abs(nearest - truth)))

for item in filled:
    name, path = item.split("=", 1)
    members = np.sort(values(path, variable + "_member"), 0)
    n = members.shape[0]
    pairs = np.tensordot(2.0 * np.arange(n) - n + 1, members, (0, 0)) / (n * (n - 1))
    crps = np.abs(members - truth).mean(0) - pairs

    def quantile(p):
        position = p * (n + 1) - 1
        low = int(np.floor(position))
        return members[low] + (position - low) * (members[min(low + 1, n - 1)] - members[low])

    inside = (truth >= quantile(0.05)) & (truth <= quantile(0.95))
    row(name, np.sqrt(mean((members.mean(0) - truth) ** 2)), mean(crps), mean(inside))
