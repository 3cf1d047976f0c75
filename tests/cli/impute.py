"""The imputation job as users run it: contract of the output, resume, refusals, exit codes."""
import os
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, require, run, work

netCDF4, np, xarray = require("netCDF4", "numpy", "xarray")
source = Path(os.environ["MANIFILL_SOURCE"])
data = source / "sample_data/demo"

prior = work / "prior.h5"
run(0, "train", "prior", "--input", data / "wind_training.nc", "--output", prior, "--set", "backbone.taper_km=7000",
    "--set", "backbone.scale_power=0.5", "--set", "train.name=wind")
small = work / "gappy.nc"
with xarray.open_dataset(data / "wind_gappy.nc", decode_cf=False) as full:
    full.isel(time=slice(0, 4)).to_netcdf(small)
gaussian = ["impute", "--model", prior, "--method", "gaussian", "--members", "8", "--quiet"]

# Contract of the output.
out = work / "out.nc"
run(0, *gaussian, "--input", small, "--output", out, "--write-members")
before, after = netCDF4.Dataset(small), netCDF4.Dataset(out)
for file in (before, after):
    file.set_auto_maskandscale(False)
raw, filled = before["uwnd"][:], after["uwnd"][:]
status = after["uwnd_status"][:]
gap = raw == -32768
check(filled.dtype == raw.dtype and np.array_equal(filled[~gap], raw[~gap]), "observed bits are kept")
check(np.all(status[~gap] == 0) and np.all(status[gap] == 1), "status says observed and infilled")
check(np.all(filled[gap] != -32768), "every gap is filled")
check(np.all(after["uwnd_spread"][:][gap] > 0) and np.all(after["uwnd_spread"][:][~gap] == 0), "spread where filled")
members = after["uwnd_member"][:]
check(members.shape == (8, *raw.shape), "members have the input's dimensions behind realization")
check(np.allclose(members[:, ~gap], raw[~gap] * 0.01, atol=1e-5), "observed cells equal the observation in every member")
check(np.allclose(members.mean(0)[gap], filled[gap] * 0.01, atol=0.006), "gaps hold the ensemble mean, packed to 0.01")
for name in ("manifill_version", "manifill_model", "manifill_config", "manifill_seed", "history"):
    check(name in after.ncattrs(), f"attribute {name}")
check(after["uwnd"].ancillary_variables == "uwnd_spread uwnd_status uwnd_member", "ancillary variables")
check(after["uwnd_spread"].standard_name == "eastward_wind standard_error", "standard name of the spread")
with xarray.open_dataset(out) as seen:
    check(seen["uwnd"].notnull().all() and "realization" in seen.coords, "xarray opens it")
sinfo = subprocess.run(["cdo", "-s", "sinfon", out], capture_output=True, text=True)
check(sinfo.returncode == 0 and "uwnd_status" in sinfo.stdout, f"cdo opens it: {sinfo.stderr}")
check(not list(work.glob(".*part")) and not list(work.glob("*checkpoint")), "no temporary files stay")

# The same seed gives the same members; a shard's are those of the whole; another seed's are not.
run(0, *gaussian, "--input", small, "--output", work / "shard.nc", "--write-members", "--shard", "2/2")
shard = netCDF4.Dataset(work / "shard.nc")
shard.set_auto_maskandscale(False)
check(shard["uwnd_member"].shape[1] == 2 and np.allclose(shard["uwnd_member"][:], members[:, 2:], atol=1e-5), "a shard's members are those of the whole run")

# Shards merge into what the whole run writes: values to rounding, packed ones to one step.
run(0, *gaussian, "--input", small, "--output", work / "shard1.nc", "--write-members", "--shard", "1/2")
run(3, "merge", work / "merged.nc", work / "shard1.nc", says="2/2")
run(3, "merge", work / "merged.nc", work / "shard1.nc", work / "shard1.nc", says="the same shard")
run(3, "merge", work / "merged.nc", work / "shard1.nc", out, says="not a shard")
check(not (work / "merged.nc").exists(), "a refused merge writes nothing")
run(0, "merge", work / "merged.nc", work / "shard.nc", work / "shard1.nc")
run(2, "merge", work / "merged.nc", work / "shard.nc", work / "shard1.nc", says="--overwrite")
merged = netCDF4.Dataset(work / "merged.nc")
merged.set_auto_maskandscale(False)
check(list(merged.variables) == list(after.variables), "a merged file has the variables of the whole run")
for name, variable in after.variables.items():
    # Members to rounding: which blocks of threads sum them up is not fixed.
    same = np.allclose(variable[:], merged[name][:], atol=1e-5) if variable.dtype.kind == "f" else np.array_equal(variable[:], merged[name][:])
    check(same or name == "uwnd" and np.abs(variable[:].astype(int) - merged[name][:]).max() <= 1, f"merged {name} equals the whole run's")
check("manifill_shard" not in merged.ncattrs(), "a merged file is no shard")
run(0, *gaussian, "--input", small, "--output", work / "seed.nc", "--write-members", "--seed", "2")
other = netCDF4.Dataset(work / "seed.nc")
check(not np.allclose(other["uwnd_member"][:][:, gap], members[:, gap]), "another seed draws other members")

# A flipped file comes back flipped, with the same values.
with xarray.open_dataset(small, decode_cf=False) as straight:
    straight.isel(lat=slice(None, None, -1)).to_netcdf(work / "flipped.nc")
run(0, *gaussian, "--input", work / "flipped.nc", "--output", work / "flipped_out.nc", "--write-members")
flipped = netCDF4.Dataset(work / "flipped_out.nc")
flipped.set_auto_maskandscale(False)
check(np.array_equal(flipped["lat"][:], before["lat"][::-1]), "latitudes stay flipped")
# The observations arrive in another order, and with them their noise: the ensemble mean agrees to its sampling error.
difference = (flipped["uwnd"][:][:, ::-1].astype(float) - filled)[gap] * 0.01
check(np.abs(difference).mean() < 3 * after["uwnd_spread"][:][gap].mean() / np.sqrt(8), "a flipped field is filled alike")

# Nothing missing: a copy with provenance.
run(0, "impute", "--model", prior, "--method", "gaussian", "--input", data / "wind_truth.nc", "--output", work / "copy.nc", says="nothing is missing")

# A stop leaves nothing under the final name and can be resumed.
stopped = work / "stopped.nc"
run(75, *gaussian, "--input", small, "--output", stopped, "--write-members", "--time-limit", "0.001", says="--resume")
check(not stopped.exists(), "a stopped run leaves nothing under the final name")
run(2, *gaussian, "--input", small, "--output", stopped, "--write-members", "--seed", "9", "--resume", says="another job")
run(0, *gaussian, "--input", small, "--output", stopped, "--write-members", "--resume")
resumed = netCDF4.Dataset(stopped)
resumed.set_auto_maskandscale(False)
check(np.allclose(resumed["uwnd_member"][:], members, atol=1e-5), "a resumed run gives what an unbroken one gives")

# Refusals: message and exit code.
run(2, *gaussian, "--input", small, "--output", out, says="--overwrite")
run(2, *gaussian, "--input", small, "--output", small, "--overwrite", says="the input")
run(4, *gaussian, "--input", small, "--output", work / "nowhere/out.nc", says="directory")
run(2, *gaussian, "--input", small, "--output", work / "x.nc", "--members", "0", says="members")
run(2, "impute", "--model", prior, "--method", "gausian", "--input", small, "--output", work / "x.nc", says="gaussian")
run(2, "impute", "--model", prior, "--method", "flow", "--input", small, "--output", work / "x.nc", says="holds no flow")
run(2, *gaussian, "--input", small, "--output", work / "x.nc", "--set", "impute.membrs=3", says="impute.members")
run(3, *gaussian, "--input", small, "--variable", "uwmd", "--output", work / "x.nc", says="uwnd")
run(3, *gaussian, "--input", source / "README.md", "--output", work / "x.nc", says="README.md")
run(3, *gaussian, "--input", work, "--output", work / "x.nc", says="directory")
(work / "empty.nc").write_bytes(b"")
run(3, *gaussian, "--input", work / "empty.nc", "--output", work / "x.nc", says="empty")
(work / "cut.nc").write_bytes(small.read_bytes()[:3000])
run(3, *gaussian, "--input", work / "cut.nc", "--output", work / "x.nc", says="cut.nc")


def altered(name, change):
    with xarray.open_dataset(small, decode_cf=False) as file:
        changed = file.load().copy(deep=True)
    change(changed)
    changed.to_netcdf(work / name)
    return work / name


def all_missing(file):
    file["uwnd"][:] = -32768


def constant(file):
    file["uwnd"].values[file["uwnd"].values != -32768] = 100


def in_kelvin(file):
    file["uwnd"].attrs["units"] = "K"
    del file["uwnd"].attrs["standard_name"]


def other_quantity(file):
    file["uwnd"].attrs["standard_name"] = "northward_wind"


def implausible(file):
    file["uwnd"].attrs["scale_factor"] = 1.0


def strange_calendar(file):
    file["time"].attrs["calendar"] = "gregorain"


for name, change, words in (("missing.nc", all_missing, "missing"), ("constant.nc", constant, "constant"), ("kelvin.nc", in_kelvin, "'K'"),
                            ("quantity.nc", other_quantity, "northward_wind"), ("implausible.nc", implausible, "implausible"),
                            ("calendar.nc", strange_calendar, "gregorian")):
    run(3, *gaussian, "--input", altered(name, change), "--output", work / "x.nc", says=words)
check(not (work / "x.nc").exists(), "refused runs write nothing")

damaged = bytearray(prior.read_bytes())
damaged[len(damaged) // 2] ^= 1
(work / "damaged.h5").write_bytes(damaged)
run(3, "impute", "--model", work / "damaged.h5", "--input", small, "--output", work / "x.nc", says="damaged.h5")

# Draws from the prior: finite, on the model's grid, with the spread of the training data.
run(0, "sample", "--model", prior, "-n", "200", "-o", work / "draws.nc", "--season", "0.04", says="Gaussian backbone")
with xarray.open_dataset(work / "draws.nc") as draws, xarray.open_dataset(data / "wind_training.nc") as training:
    check(draws["uwnd"].dims == ("realization", "lat", "lon") and draws["uwnd"].attrs["units"] == training["uwnd"].attrs["units"], "draws have dimensions and units")
    check(bool(np.isfinite(draws["uwnd"]).all()), "draws are finite")
    area = np.cos(np.radians(draws["lat"]))
    drawn = float((draws["uwnd"].var("realization") * area).mean() / area.mean())
    anomalies = training["uwnd"].groupby("time.month") - training["uwnd"].groupby("time.month").mean()
    known = float((anomalies.var("time") * area).mean() / area.mean())
    # The prior keeps half of the seasonal differences of spread, and 200 draws know a variance to a tenth.
    check(0.6 < drawn / known < 1.6, f"variance of draws {drawn:.3f}, of the training data {known:.3f}")
run(2, "sample", "--model", prior, "-n", "0", "-o", work / "none.nc", says="count")
run(2, "sample", "--model", prior, "-n", "2", "-o", work / "draws.nc", says="--overwrite")

# inspect says the same and exits alike.
run(0, "inspect", small, "--model", prior, says="fits")
run(3, "inspect", work / "missing.nc")

finish()
