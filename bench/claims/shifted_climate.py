#!/usr/bin/python3
"""Temperature anomalies of a climate model, for a flow that has learned from observed ones.

    /usr/bin/python3 bench/claims/shifted_climate.py ../shared/data/pcm_trefht_annual_T42.nc build/claims/pcm.nc

Annual means of 1951 to 1999 of the first run of the Parallel Climate Model, less their means of 1951 to 1980 as in GISTEMP, on the
model's own Gaussian grid.
"""
import sys

import netCDF4
import numpy as np

source, target = sys.argv[1:]
with netCDF4.Dataset(source) as f:
    year = netCDF4.num2date(f["time"][:], f["time"].units, f["time"].calendar)
    year = np.array([t.year for t in year])
    tas = np.asarray(f["tas"][0], "f8")
    lat, lon = f["lat"][:], f["lon"][:]
anomaly = tas - tas[(year >= 1951) & (year <= 1980)].mean(0)
kept = (year >= 1951) & (year <= 1999)
with netCDF4.Dataset(target, "w", format="NETCDF4_CLASSIC") as f:
    f.Conventions = "CF-1.11"
    f.title = "PCM annual temperature anomaly relative to 1951-1980"
    for name, x, units in (("time", None, "days since 1951-01-01"), ("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
        f.createDimension(name, kept.sum() if x is None else len(x))
        v = f.createVariable(name, "f8", (name,))
        v.units = units
        v[:] = 365.25 * (year[kept] - 1951) + 182.6 if x is None else x
    f["time"].calendar = "standard"
    v = f.createVariable("tempanomaly", "f4", ("time", "lat", "lon"), zlib=True, fill_value=np.float32(-9999))
    v.units = "K"
    v[:] = anomaly[kept]
print(f"{target}: {kept.sum()} fields")
