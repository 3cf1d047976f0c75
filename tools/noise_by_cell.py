#!/usr/bin/env python3
"""A copy of a file whose variable has noise, its standard deviation rising from LEAST at the first longitude to MOST at the last, as variable
"noise" beside it. Usage: noise_by_cell.py IN.nc VARIABLE LEAST MOST OUT.nc."""
import shutil
import sys

import netCDF4
import numpy as np

source, variable, least, most, target = sys.argv[1:]
shutil.copyfile(source, target)
with netCDF4.Dataset(target, "a") as f:
    v = f[variable]  # [time][lat][lon]
    sigma = np.broadcast_to(np.linspace(float(least), float(most), v.shape[2]), v.shape[1:])
    v[:] = v[:] + sigma * np.random.default_rng(1).standard_normal(v.shape)
    noise = f.createVariable("noise", "f4", v.dimensions[1:])
    noise.setncatts({"units": v.units, "long_name": "standard deviation of the noise"})
    noise[:] = sigma
