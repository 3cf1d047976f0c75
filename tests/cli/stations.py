"""Scattered stations in, fields on the model's grid out: the posterior is the gridded file's where stations stand on grid points."""
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, failures, finish, require, run, work

netCDF4, np = require("netCDF4", "numpy")
root = Path(__file__).resolve().parents[2]
model = root / "sample_data/models/fnoc_wind.flow.h5"
random = np.random.default_rng(3)


def impute(source, out, *options, code=0, says=()):
    return run(code, "impute", "--model", model, "--input", source, "--output", out, "--members", "8", "--overwrite", *options, says=says)


def read(path, name):
    with netCDF4.Dataset(path) as f:
        return np.ma.filled(f[name][:].astype(float), np.nan)


# Truth from the prior itself, on its own grid; three months of which the second lacks a follower.
run(0, "sample", "--model", model, "-n", "3", "-o", work / "draws.nc", "--season", "0.04")
if failures:
    finish()
with netCDF4.Dataset(work / "draws.nc") as f:
    name = next(v for v in f.variables if f[v].ndim == 3)
    lat, lon, units = f["lat"][:].filled(), f["lon"][:].filled(), f[name].units
    truth = np.ma.filled(f[name][:].astype(float), np.nan)
months = [(1990, 1), (1990, 2), (1990, 4)]
seen = (random.random(truth.shape) < 0.05) & np.isfinite(truth)
with netCDF4.Dataset(work / "grid.nc", "w") as f:
    for dim, values, unit in (("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
        f.createDimension(dim, len(values))
        f.createVariable(dim, "f8", (dim,))[:] = values
        f[dim].units = unit
    f.createDimension("time", 3)
    f.createVariable("time", "f8", ("time",)).units = "days since 1990-01-01"
    f["time"][:] = [14, 45, 104]
    f.createVariable(name, "f8", ("time", "lat", "lon"), fill_value=-1e30).units = units
    f[name][:] = np.where(seen, truth, -1e30)
records = [f"{lat[i]!r},{lon[j]!r},{months[t][0]}-{months[t][1]:02}-10,{truth[t, i, j]!r}" for t, i, j in np.argwhere(seen)]
random.shuffle(records)
csv = work / "stations.csv"
csv.write_text("lat,lon,time," + name + "\n" + "\n".join(records) + "\n")

for method in ("gaussian", "flow"):
    on_grid, of_stations = work / f"{method}_grid.nc", work / f"{method}_stations.nc"
    impute(work / "grid.nc", on_grid, "--method", method, "--write-members", "--quiet")
    impute(csv, of_stations, "--method", method, "--write-members", "--quiet")
    if failures:
        finish()
    status = read(of_stations, name + "_status")
    check(set(np.unique(status)) <= {1, 3}, f"{method}: fields are filled or masked")
    gap = ~seen & (read(on_grid, name + "_status") == 1)
    check(gap.sum() > 1000 and np.array_equal(status == 3, np.isnan(read(of_stations, name))), f"{method}: masked cells have no value")
    # The same sums in the same order, but for single precision of the output.
    for part in ("", "_spread"):
        worst = np.abs(read(on_grid, name + part) - read(of_stations, name + part))[gap].max()
        check(worst < 1e-5, f"{method}: {name}{part} differs by {worst}")
    worst = np.abs(read(on_grid, name + "_member") - read(of_stations, name + "_member"))[:, gap].max()
    check(worst < 1e-5, f"{method}: members differ by {worst}")
    mean, spread = read(of_stations, name), read(of_stations, name + "_spread")
    check(np.all(spread[seen & (status == 1)] > 0), f"{method}: a noisy observation leaves some spread")
    check(np.abs(mean - truth)[seen].mean() < 0.5 * np.nanstd(truth), f"{method}: fields follow the stations")
with netCDF4.Dataset(work / "gaussian_stations.nc") as f:
    check([(d.year, d.month) for d in netCDF4.num2date(f["time"][:], f["time"].units, f["time"].calendar)] == months, "months of the stations")
    check(f[name].units == units and f[name].ancillary_variables.split() == [name + "_spread", name + "_status", name + "_member"], "attributes of V")
    check("fnoc_wind" in f.manifill_model and f.manifill_seed == "1" and 'variable = "' + name in f.manifill_config, "provenance")
check((work / "gaussian_stations.nc.toml").exists(), "the resolved configuration stands beside the output")
run(0, "plot", work / "gaussian_stations.nc", "--variable", name, "-o", work / "map.png")

# As a contiguous ragged array, in other units, the file says the same; stations off the points are interpolated to.
with netCDF4.Dataset(work / "ragged.nc", "w") as f:
    places = np.argwhere(seen.any(0))
    f.featureType = "timeSeries"
    f.createDimension("station", len(places))
    f.createDimension("obs", int(seen.sum()))
    for dim, values, unit in (("lat", lat[places[:, 0]], "degrees_north"), ("lon", lon[places[:, 1]], "degrees_east")):
        f.createVariable(dim, "f8", ("station",))[:] = values
        f[dim].units = unit
    f.createVariable("count", "i4", ("station",)).sample_dimension = "obs"
    f["count"][:] = [seen[:, i, j].sum() for i, j in places]
    at = [(t, i, j) for i, j in places for t in range(3) if seen[t, i, j]]
    f.createVariable("time", "f8", ("obs",)).units = "days since 1990-01-01"
    f["time"][:] = [[14, 45, 104][t] for t, _, _ in at]
    f.createVariable(name, "f8", ("obs",)).setncatts({"units": "cm s-1", "coordinates": "time lat lon"})
    f[name][:] = [100 * truth[p] for p in at]
impute(work / "ragged.nc", work / "ragged_out.nc", "--method", "gaussian", "--quiet")
worst = np.nanmax(np.abs(read(work / "ragged_out.nc", name) - read(work / "gaussian_stations.nc", name)))
check(worst < 1e-5, f"a ragged array in cm s-1 gives the fields of the CSV file: {worst}")

off = work / "off.csv"
off.write_text("id,lat,lon,time," + name + "\nA,1.3,181.7,7305,2\nA,1.3,181.7,7306,4\nB,-3.1,200.2,7305,NA\nC,2,190,7305,1\n")
_, said = impute(off, work / "off.nc", "--method", "gaussian", "--time-units", "days since 1970-01-01", "--units", "m s-1", "--noise", "0.001")
check("2 values at 2 places in 1 steps" in said, f"values of one station in a month count as one: {said}")
field = read(work / "off.nc", name)[0]
i, j = np.searchsorted(np.sort(lat), 1.3), np.searchsorted(lon, 181.7)
rows = np.argsort(lat)[[i - 1, i]]
y, x = (1.3 - lat[rows[0]]) / (lat[rows[1]] - lat[rows[0]]), (181.7 - lon[j - 1]) / (lon[j] - lon[j - 1])
there = (1 - y) * ((1 - x) * field[rows[0], j - 1] + x * field[rows[0], j]) + y * ((1 - x) * field[rows[1], j - 1] + x * field[rows[1], j])
check(abs(there - 3) < 0.02, f"the field passes through the mean of a station's values: {there}")

# A stopped run leaves a checkpoint, goes on and ends as the whole one.
impute(csv, work / "stopped.nc", "--method", "gaussian", "--time-limit", "1e-9", code=75, says="--resume")
check(not (work / "stopped.nc").exists() and (work / "stopped.nc.manifill-checkpoint").exists(), "a checkpoint and no output")
impute(csv, work / "stopped.nc", "--method", "gaussian", "--resume", "--quiet")
check(np.array_equal(read(work / "stopped.nc", name), read(work / "gaussian_stations.nc", name), equal_nan=True), "resumed as in one go")
check(not (work / "stopped.nc.manifill-checkpoint").exists(), "the checkpoint is gone")

# Refusals name place and remedy, and write nothing.
bad = work / "bad.csv"
for text, says in ((f"lat,lon,time,{name}\n1,181,1990-01,2\n1,181,1990-01,9999\n", ["[line 3]", "implausible"]),
                   (f"lat,lon,time,{name}\n1,181,1990-01,2\n1,181,soon,2\n", ["[line 3]", "ISO 8601"]),
                   (f"lat,lon,{name}\n1,181,2\n", ["no times", "season"])):
    bad.write_text(text)
    impute(bad, work / "bad.nc", "--method", "gaussian", code=3, says=says)
bad.write_text("lat,lon,time,slp\n-80,0,1990-01-01,101300\n")
run(3, "impute", "--model", root / "sample_data/models/slp_natl.flow.h5", "--input", bad, "--output", work / "bad.nc", says=["no station lies", "model of this region"])
impute(csv, work / "bad.nc", "--units", "kg", code=3, says=["kg"])
impute(csv, work / "bad.nc", "--shard", "1/2", code=2, says=["impute.shard", "not for stations"])
run(2, "impute", "--input", csv, "--output", work / "bad.nc", says="no model was named")
check(not list(work.glob("bad.nc*")), "refused runs leave nothing")
finish()
