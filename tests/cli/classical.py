"""Classical methods with a trained model: which know how sure they are, what they keep, what they refuse."""
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, require, run, work

netCDF4, np, xarray = require("netCDF4", "numpy", "xarray")
data = Path(os.environ["MANIFILL_SOURCE"]) / "sample_data/demo"
prior, small, moved = work / "prior.h5", work / "gappy.nc", work / "moved.nc"
run(0, "train", "prior", "--input", data / "wind_training.nc", "--output", prior, "--set", "backbone.taper_km=7000",
    "--set", "backbone.scale_power=0.5", "--set", "train.name=wind")
with xarray.open_dataset(data / "wind_gappy.nc", decode_cf=False) as full:
    two = full.isel(time=slice(0, 2))
    two.to_netcdf(small)
    lon = two["uwnd"].dims[2]
    shifted = two[lon] + 0.6
    shifted.attrs = two[lon].attrs
    two.assign_coords({lon: shifted}).to_netcdf(moved)


def opened(path):
    f = netCDF4.Dataset(path)
    f.set_auto_maskandscale(False)
    return f


raw = opened(small)["uwnd"][:]
gap = raw == -32768
filled = {}
for method in ("climatology", "nearest", "distance", "harmonic", "heat", "kriging", "eof"):
    out = work / f"{method}.nc"
    run(0, "impute", "--model", prior, "--method", method, "--input", small, "--output", out, "--members", "6", "--write-members", "--quiet")
    f = opened(out)
    values, spread, members = f["uwnd"][:], f["uwnd_spread"][:], f["uwnd_member"][:]
    check(np.array_equal(values[~gap], raw[~gap]) and np.all(values[gap] != -32768), f"{method}: observed bits are kept, gaps filled")
    certain = method not in ("kriging", "eof")
    check(np.all((spread[gap] == 0) == certain), f"{method}: spread {spread[gap].min()} to {spread[gap].max()}")
    check(np.all((np.ptp(members[:, gap], axis=0) == 0) == certain), f"{method}: members")
    filled[method] = values[gap].astype(float)
    run(0, "impute", "--model", prior, "--method", method, "--input", small, "--output", work / "half.nc", "--members", "6",
        "--write-members", "--shard", "2/2", "--overwrite", "--quiet")
    check(np.array_equal(opened(work / "half.nc")["uwnd_member"][:, 0], members[:, 1]), f"{method}: a shard is part of the whole")
for method, values in filled.items():
    others = [np.abs(values - other).max() for name, other in filled.items() if name != method]
    check(min(others) > 0, f"{method} is a method of its own")

one = ["impute", "--model", prior, "--input", small, "--output", work / "one.nc", "--members", "2", "--overwrite", "--quiet"]
run(0, *one, "--method", "distance", "--set", "distance.neighbours=1")
check(np.array_equal(opened(work / "one.nc")["uwnd"][:][gap], filled["nearest"]), "the mean of one neighbour is the nearest")
text = (work / "one.nc.toml").read_text()
check("[distance]" in text and "neighbours = 1" in text, "the written configuration names the options of the method")

message = run(3, "impute", "--model", prior, "--input", moved, "--output", work / "no.nc", "--method", "nearest")[1]
check("nearest" in message and "eof" in message, f"another grid is refused: {message.strip()}")
run(0, "impute", "--model", prior, "--input", moved, "--output", work / "moved.out.nc", "--method", "eof", "--members", "4", "--quiet")
check(np.all(opened(work / "moved.out.nc")["uwnd"][:] != -32768), "eof takes another grid")
message = run(2, *one, "--method", "kriging", "--refine", "2")[1]
check("refine" in message, f"steps of the prior are refused: {message.strip()}")
message = run(2, *one, "--method", "eof", "--set", "eof.mode=3")[1]
check("eof.modes" in message, f"the nearest option is offered: {message.strip()}")
finish()
