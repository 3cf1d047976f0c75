#!/usr/bin/env python3
"""Makes sample_data/demo from Debian's ferret-datasets (public domain): monthly zonal wind of the US Navy's Fleet
Numerical Oceanography Center, 1982-1992, every second point of its 2.5 degree grid without the poles. The last year is
kept apart as truth, and once more with the never-observed cells of the COADS ship climatology as gaps.
Usage: make_sample_data.py [DIRECTORY [SPACING]], SPACING in points of the 2.5 degree grid (2)."""
import sys
from pathlib import Path

import netCDF4
import numpy as np

SOURCE = Path("/usr/share/ferret-vis/data")
target = Path(sys.argv[1] if len(sys.argv) > 1 else "sample_data/demo")
spacing = int(sys.argv[2]) if len(sys.argv) > 2 else 2

winds = netCDF4.Dataset(SOURCE / "monthly_navy_winds.cdf")
lat = np.array(winds["FNOCY"][2:-2:spacing])
lon = np.array(winds["FNOCX"][::spacing])
u = np.ma.filled(winds["UWND"][:, 2:-2:spacing, ::spacing], np.nan).astype("f4")
dates = netCDF4.num2date(winds["TIME"][:], winds["TIME"].units)
year = np.array([d.year for d in dates])
month = np.array([d.month for d in dates])

ships = netCDF4.Dataset(SOURCE / "coads_climatology.cdf")
ship_lat = np.array(ships["COADSY"][:])
ship_lon = np.array(ships["COADSX"][:]) % 360
unseen = np.ma.getmaskarray(ships["UWND"][:])
row = np.abs(ship_lat[:, None] - lat[None]).argmin(0)
column = np.abs((ship_lon[:, None] - lon[None] + 180) % 360 - 180).argmin(0)
gaps = unseen[:, row][:, :, column]


def write(name, keep, field, title):
    out = netCDF4.Dataset(target / name, "w", format="NETCDF4")
    out.Conventions = "CF-1.11"
    out.title = title
    out.source = "FNOC monthly winds, from ferret-datasets; public domain"
    out.createDimension("time", None)
    out.createDimension("lat", lat.size)
    out.createDimension("lon", lon.size)
    time = out.createVariable("time", "f8", ("time",))
    time.setncatts({"standard_name": "time", "units": "days since 1980-01-01", "calendar": "standard", "axis": "T"})
    time[:] = netCDF4.date2num([d.replace(day=15, hour=0, minute=0, second=0) for d in dates[keep]], time.units, "standard")
    y = out.createVariable("lat", "f8", ("lat",))
    y.setncatts({"standard_name": "latitude", "units": "degrees_north", "axis": "Y"})
    y[:] = lat
    x = out.createVariable("lon", "f8", ("lon",))
    x.setncatts({"standard_name": "longitude", "units": "degrees_east", "axis": "X"})
    x[:] = lon
    v = out.createVariable("uwnd", "i2", ("time", "lat", "lon"), zlib=True, complevel=6, shuffle=True, fill_value=-32768)
    v.setncatts({"standard_name": "eastward_wind", "long_name": "zonal wind near the surface", "units": "m s-1",
                 "scale_factor": 0.01, "add_offset": 0.0, "cell_methods": "time: mean"})
    v[:] = np.ma.masked_invalid(field)
    out.close()


last = year == year.max()
write("wind_training.nc", ~last, u[~last], "monthly zonal wind, all years but the last")
write("wind_truth.nc", last, u[last], "monthly zonal wind of the last year")
gappy = u[last].copy()
gappy[gaps[month[last] - 1]] = np.nan
write("wind_gappy.nc", last, gappy, "monthly zonal wind of the last year where ships have been")
print(f"{target}: {lat.size} x {lon.size}, {np.sum(~last)} + {np.sum(last)} months, {np.mean(np.isnan(gappy)):.1%} of the last year hidden")
