"""The imputation job as users run it: contract of the output, resume, refusals, exit codes."""
import os
import re
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
check('variable = "uwnd"' in after.manifill_config and 'variable = "uwnd"' in (work / "out.nc.toml").read_text(), "the resolved configuration names the variable chosen")
check(after["uwnd_spread"].cell_methods == "time: mean realization: standard_deviation", "cell methods of the spread")
check(after["uwnd_spread"].standard_name == "eastward_wind standard_error", "standard name of the spread")

# Other programs read the numbers that netCDF4 reads. CDO prints 8 digits, and some readers scale in single precision.
with netCDF4.Dataset(out) as file:
    decoded = np.ma.getdata(file["uwnd"][:]).astype(float)
with xarray.open_dataset(out) as seen:
    check(seen["uwnd"].notnull().all() and "realization" in seen.coords, "xarray opens it")
    check(np.allclose(seen["uwnd"].values, decoded, rtol=1e-5, atol=1e-9), "xarray reads the same values")
sinfo = subprocess.run(["cdo", "-s", "sinfon", out], capture_output=True, text=True)
check(sinfo.returncode == 0 and "uwnd_status" in sinfo.stdout, f"cdo opens it: {sinfo.stderr}")
printed = subprocess.run(["cdo", "-s", "outputf,%.8g,1", "-selname,uwnd", out], capture_output=True, text=True)
numbers = np.array(printed.stdout.split(), dtype=float) if printed.returncode == 0 else np.empty(0)
check(numbers.size == decoded.size and np.allclose(numbers, decoded.ravel(), rtol=1e-5, atol=1e-9), f"cdo reads the same values: {printed.stderr}")
dump = subprocess.run(["ncdump", "-v", "uwnd_status", out], capture_output=True, text=True)
flags = np.array(re.findall(r"-?\d+", dump.stdout.split("uwnd_status =")[-1]), dtype=int)
check(dump.returncode == 0 and np.array_equal(flags, status.ravel()), f"ncdump prints the status: {dump.stderr}")
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
# Prior draws are keyed by step and member, whatever the order of rows. The observations' noise arrives in another order;
# it is a tenth of the field's standard deviation, and moves a mean of 8 members by 0.09 of the spread of gaps.
difference = (flipped["uwnd"][:][:, ::-1].astype(float) - filled)[gap] * 0.01
check(np.abs(difference).mean() < 0.15 * after["uwnd_spread"][:][gap].mean(), "a flipped field is filled alike")

# Another grid: finer, regional, off the model's points. A value is known where its four neighbours are.
latitudes, longitudes = before["lat"][:], before["lon"][:]
fine_latitudes, fine_longitudes = np.arange(-33.75, 34.0, 2.5), np.arange(121.25, 240.0, 2.5)


def interpolated(fields):
    """Bilinear interpolation of [time][lat][lon] to the fine grid, NaN next to NaN."""
    i, j = np.searchsorted(latitudes, fine_latitudes) - 1, np.searchsorted(longitudes, fine_longitudes) - 1
    up = ((fine_latitudes - latitudes[i]) / (latitudes[i + 1] - latitudes[i]))[:, None]
    right = (fine_longitudes - longitudes[j]) / (longitudes[j + 1] - longitudes[j])
    rows = (1 - up) * fields[:, i] + up * fields[:, i + 1]
    return (1 - right) * rows[:, :, j] + right * rows[:, :, j + 1]


def write(name, variable, values, latitudes, longitudes, **attributes):
    """Months of float32 fields [time][lat][lon], NaN where missing."""
    with netCDF4.Dataset(work / name, "w") as f:
        for axis, points, units in (("time", np.arange(len(values)), "months since 1990-01-15"), ("lat", latitudes, "degrees_north"), ("lon", longitudes, "degrees_east")):
            f.createDimension(axis, None if axis == "time" else len(points))
            f.createVariable(axis, "f8", (axis,)).units = units
            f[axis][:] = points
        v = f.createVariable(variable, "f4", ("time", "lat", "lon"), fill_value=np.float32(np.nan))
        v.setncatts(attributes)
        v.set_auto_mask(False)
        v[:] = values
    return work / name


def contents(name, *variables):
    with netCDF4.Dataset(work / name) as f:
        f.set_auto_mask(False)
        return [f[v][:] for v in variables]


coarse = np.where(gap, np.nan, raw * 0.01)
fine = interpolated(coarse).astype("f4")
fine_file = write("fine.nc", "uwnd", fine, fine_latitudes, fine_longitudes, units="m s-1", standard_name="eastward_wind")
with netCDF4.Dataset(fine_file, "a") as f:
    f["time"].units = before["time"].units
    f["time"][:] = before["time"][:]
run(0, *gaussian, "--input", fine_file, "--output", work / "fine_out.nc")
values, spread, flags, rows, columns = contents("fine_out.nc", "uwnd", "uwnd_spread", "uwnd_status", "lat", "lon")
hidden = np.isnan(fine)
check(0.05 < hidden.mean() < 0.95, "the fine field has gaps and observations")
check(np.array_equal(rows, fine_latitudes) and np.array_equal(columns, fine_longitudes), "a foreign grid comes back as it was")
check(values.dtype == fine.dtype and np.array_equal(values[~hidden].view("i4"), fine[~hidden].view("i4")), "observed bits of a foreign grid are kept")
check(np.array_equal(flags, hidden.astype("i1")) and bool(np.isfinite(values).all()), "every gap of a foreign grid is filled")
# The fine observations are interpolated from those of the native run, which knows more: others far away and at the edges
# of gaps. By the law of total variance the two posterior means differ by less than the variance of the fine run, on
# average; means of 8 members add an eighth of each run's variance. Rows or columns that are one off exceed this.
difference = (values - interpolated(decoded))[hidden]
allowed = np.sqrt(1.25 * np.mean(spread[hidden].astype(float)**2))
check(np.sqrt(np.mean(difference**2)) < allowed, f"a foreign grid is filled as the model's own: {np.sqrt(np.mean(difference**2)):.3f}, allowed {allowed:.3f}")

# Cells of a finer grid that hold more than the model's fields: it is found, and is part of spreads and members.
beside = 1.5
with netCDF4.Dataset(fine_file, "a") as f:
    f.set_auto_mask(False)
    f["uwnd"][:] = fine + beside * np.random.default_rng(4).standard_normal(fine.shape).astype("f4")
run(0, *gaussian, "--input", fine_file, "--output", work / "rough_out.nc", "--write-members")
rough, rough_spread, rough_members = contents("rough_out.nc", "uwnd", "uwnd_spread", "uwnd_member")
with netCDF4.Dataset(work / "rough_out.nc") as f:
    found = float(re.search(r"representativeness = ([0-9.e+-]+)", f.manifill_config).group(1))
    check(f"with {found:.4g} of what the model's grid cannot hold" in f["uwnd_spread"].comment, "the spread says so")
# White noise beside a fitted covariance that has a small-scale residual of its own, which takes its part.
check(0.85 * beside < found < 1.15 * beside, f"what the model's grid cannot hold is found: {found:.3f} of {beside}")
check(rough_spread[hidden].min() >= 0.999 * found, "it is part of the spread")
check(abs(np.sqrt(np.mean(rough_members.var(0, ddof=1)[hidden])) / np.sqrt(np.mean(rough_spread[hidden]**2)) - 1) < 0.05, "members have it too")
check(np.array_equal(rough_members[:, ~hidden], np.broadcast_to(rough[~hidden], rough_members[:, ~hidden].shape)), "observed cells are the observation in every member")
run(0, *gaussian, "--input", fine_file, "--output", work / "smooth_out.nc", "--representativeness", "0")
check(contents("smooth_out.nc", "uwnd_spread")[0][hidden].min() < 0.999 * found, "it can be switched off")

# A model without values on one half, and an input half a cell off: points without values take no part in interpolation.
tiny_latitudes, tiny_longitudes = np.arange(-45.0, 46.0, 10.0), np.arange(0.0, 360.0, 20.0)
months = 60
amplitudes = np.random.default_rng(5).normal(size=(6, months, 1, 1))
few = ["--set", "backbone.mean_harmonics=1", "--set", "backbone.rank=20", "--set", "backbone.taper_km=8000", "--set", "train.name=tiny"]


def waves(latitudes, longitudes):
    """Smooth fields [time][lat][lon] of mean 0 and variance 2 to 3, the same wherever they are sampled."""
    phi, lam = np.radians(latitudes)[:, None], np.radians(longitudes)
    shapes = [np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(2 * phi) + 0 * lam, np.sin(phi) * np.cos(2 * lam), np.sin(phi) * np.sin(2 * lam), 1 + 0 * phi * lam]
    return sum(a * s for a, s in zip(amplitudes, shapes))


def with_gaps(values):
    """Columns without any value, and every third value of others."""
    out = values.copy()
    out[:, :, [3, 8, 12, 17]] = np.nan
    out[:, 1::3, :] = np.nan
    return out


training_values = 300.0 + waves(tiny_latitudes, tiny_longitudes)
training_values[:, :, tiny_longitudes >= 180] = np.nan
write("masked_training.nc", "tas", training_values, tiny_latitudes, tiny_longitudes, units="K")
run(0, "train", "prior", "--input", work / "masked_training.nc", "--output", work / "masked.h5", *few)
off_longitudes = tiny_longitudes + 10
off = with_gaps(300.0 + waves(tiny_latitudes[:-1] + 5, off_longitudes)[:4])
masked = ["impute", "--model", work / "masked.h5", *gaussian[3:]]
run(0, *masked, "--input", write("off.nc", "tas", off, tiny_latitudes[:-1] + 5, off_longitudes, units="K"), "--output", work / "off_out.nc", "--write-members")
values, flags, of_members = contents("off_out.nc", "tas", "tas_status", "tas_member")
# Half of a cell's weight is left at 170 and 350 degrees east, none between them.
expected = np.where(~np.isnan(off), 0, np.where((off_longitudes > 180) & (off_longitudes < 340), 3, 1))
check(np.array_equal(flags, expected), "cells are masked where less than half of their weight lies on points with values")
few_deviations = 4 * np.nanstd(training_values)
least, most = np.nanmin(training_values) - few_deviations, np.nanmax(training_values) + few_deviations
for what, numbers in (("fills", values[flags == 1]), ("members", of_members[:, flags == 1])):
    check(numbers.min() > least and numbers.max() < most, f"{what} beside a mask: {numbers.min():.1f} to {numbers.max():.1f} K, training {least:.1f} to {most:.1f} K")
on_grid = with_gaps(training_values[:4])
run(0, *masked, "--input", write("on.nc", "tas", on_grid, tiny_latitudes, tiny_longitudes, units="K"), "--output", work / "on_out.nc")
values, flags = contents("on_out.nc", "tas", "tas_status")
check(np.array_equal(flags, np.where(~np.isnan(on_grid), 0, np.where(tiny_longitudes >= 180, 3, 1) + 0 * flags)), "on the model's grid its mask is the output's")

# Anomalies are differences: a file in degrees Celsius meets a model in kelvin without 273.15.
anomalies = waves(tiny_latitudes, tiny_longitudes)
run(0, "train", "prior", "--input", write("anomalies.nc", "tempanomaly", anomalies, tiny_latitudes, tiny_longitudes, units="K"), "--output", work / "anomalies.h5", *few)
celsius = write("celsius.nc", "tempanomaly", with_gaps(anomalies[:4]), tiny_latitudes, tiny_longitudes, units="degC")
run(0, "impute", "--model", work / "anomalies.h5", *gaussian[3:], "--input", celsius, "--output", work / "celsius_out.nc")
if (work / "celsius_out.nc").exists():
    values, = contents("celsius_out.nc", "tempanomaly")
    check(np.abs(values).max() < np.abs(anomalies).max() + 4 * anomalies.std(), f"anomalies have no offset: {np.abs(values).max():.1f}")

# An input with realizations of its own: the members' dimension is named where the spread names it.
with xarray.open_dataset(small, decode_cf=False) as single:
    single.isel(time=slice(0, 1))[["uwnd"]].expand_dims(realization=[1, 2]).to_netcdf(work / "several.nc")
run(0, *gaussian, "--input", work / "several.nc", "--output", work / "several_out.nc", "--write-members")
if (work / "several_out.nc").exists():
    with netCDF4.Dataset(work / "several_out.nc") as f:
        check(f["uwnd_member"].dimensions[0] == "uwnd_realization" and f["uwnd_spread"].cell_methods == "time: mean uwnd_realization: standard_deviation", "cell methods name the members' dimension")

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

# What is written beside the output replaces no file of the user's, least of all the configuration that was read.
job = work / "job.toml"
job.write_text(f'[impute]\nmodel = "{prior}"\ninput = "{small}"\noutput = "{work / "job"}"\nmethod = "gaussian"\nmembers = 8\n')
kept = job.read_text()
run(2, "impute", job, "--quiet", says=["job.toml", "exists already", "--overwrite"])
check(job.read_text() == kept and not (work / "job").exists(), "the configuration is left alone, and no work was done")
(work / "table.nc.diagnostics.csv").write_text("mine")
run(2, *gaussian, "--input", small, "--output", work / "table.nc", "--diagnostics", says=["table.nc.diagnostics.csv", "--overwrite"])
check((work / "table.nc.diagnostics.csv").read_text() == "mine", "a table of the user's is left alone")
run(0, *gaussian, "--input", small, "--output", work / "table.nc")
run(0, *gaussian, "--input", small, "--output", work / "table.nc", "--diagnostics", "--overwrite")
check((work / "table.nc.diagnostics.csv").read_text().startswith("extra,time"), "--overwrite replaces the files beside the output too")

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
