"""The method dineof: a whole file filled by its own modes, without a model."""
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, require, run, work

netCDF4, np = require("netCDF4", "numpy")
random = np.random.default_rng(5)
times, rows, columns = 60, 18, 24


def write(path, values, dates=None, levels=False):
    with netCDF4.Dataset(path, "w") as f:
        shape = (("time", None),) + ((("level", values.shape[1]),) if levels else ()) + (("lat", rows), ("lon", columns))
        for name, length in shape:
            f.createDimension(name, length)
        f.createVariable("time", "f8", ("time",)).units = "days since 2001-01-01"
        f["time"][:] = np.arange(len(values)) if dates is None else dates
        for name, units, first in (("lat", "degrees_north", 30), ("lon", "degrees_east", 350)):
            f.createVariable(name, "f8", (name,))[:] = first + np.arange(f.dimensions[name].size)
            f[name].units = units
        v = f.createVariable("sst", "f4", tuple(name for name, _ in shape), fill_value=np.float32(-9e33))
        v.setncatts({"units": "K", "standard_name": "sea_surface_temperature"})
        v[:] = np.ma.masked_invalid(values)


def opened(path):
    f = netCDF4.Dataset(path)
    f.set_auto_maskandscale(False)
    return f


y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
patterns = np.array([np.cos(0.25 * x + 0.1 * y), np.sin(0.2 * y), np.cos(0.3 * (x - y))])
weights = random.normal(size=(times, 3)) * (2.0, 1.0, 0.6)
truth = 290 + np.einsum("tk,kyx->tyx", weights, patterns) + random.normal(0, 0.2, (times, rows, columns))
land = (x < 4) & (y > 12)
truth[:, land] = np.nan
gappy = truth.copy()
for t in range(times):
    for _ in range(3):
        gappy[t][(x - random.integers(columns)) ** 2 + (y - random.integers(rows)) ** 2 < 30] = np.nan
source, out = work / "gappy.nc", work / "out.nc"
write(source, gappy)

stderr = run(0, "impute", "--method", "dineof", "--input", source, "--output", out, "--members", "40", "--write-members")[1]
check("errors of withheld values" in stderr and ("3 modes" in stderr or "4 modes" in stderr), f"it says what it found: {stderr}")
after, gap, hidden = opened(out), np.isnan(gappy), np.isnan(gappy) & ~np.isnan(truth)
raw, filled = opened(source)["sst"][:], after["sst"][:]
check(np.array_equal(raw[~gap].view("i4"), filled[~gap].view("i4")), "observed bits are kept")
status = after["sst_status"][:]
check(np.all(status[:, land] == 3) and np.all(status[hidden] == 1) and np.all(status[~gap] == 0), "what is never observed is masked")
error, spread = (filled - truth)[hidden], after["sst_spread"][:][hidden].astype("f8")
rmse = np.sqrt(np.mean(error**2))
check(rmse < 0.3 * np.nanstd(truth), f"skill: RMSE {rmse:.3f} K of fields of {np.nanstd(truth):.3f} K, with noise of 0.2 K")
# Some 100 clouds of values decide the spread, and 40 members sample it.
check(0.8 < rmse / np.sqrt(np.mean(spread**2)) < 1.25, f"the spread {np.sqrt(np.mean(spread**2)):.3f} K is honest of {rmse:.3f} K")
members = after["sst_member"][:]
check(np.all(members[:, ~gap] == raw[~gap]), "members keep what is observed")
away = np.abs(members.mean(axis=0)[hidden] - filled[hidden]) / spread
check(away.max() < 6 / np.sqrt(40) and away.max() > 0, "the fill is the reconstruction, about which members lie")
check("DINEOF: " in after.manifill_model, f"provenance: {after.manifill_model}")

again = work / "again.nc"
run(0, "impute", str(out) + ".toml", "--output", again, "--quiet")
check(np.array_equal(opened(again)["sst_member"][:], members), "the written configuration repeats the run")
for i in (1, 2):
    run(0, "impute", "--method", "dineof", "--input", source, "--output", work / f"shard{i}.nc", "--members", "40",
        "--write-members", "--shard", f"{i}/2", "--quiet")
run(0, "merge", work / "merged.nc", work / "shard1.nc", work / "shard2.nc", "--quiet")
check(np.array_equal(opened(work / "merged.nc")["sst_member"][:], members), "shards merge to the whole")

# Every level has modes of its own; a cell that one level never has there gets the mean with the whole spread.
both = np.stack([gappy, 2 * gappy[::-1]], axis=1)
both[:, 1, 2, 2] = np.nan
write(work / "levels.nc", both, levels=True)
run(0, "impute", "--method", "dineof", "--input", work / "levels.nc", "--output", work / "levels.out.nc", "--members", "40", "--quiet")
levels = opened(work / "levels.out.nc")
check(np.allclose(levels["sst"][:, 0][hidden], filled[hidden], atol=1e-4), "the first level is as before")
lone = levels["sst_spread"][:, 1, 2, 2].mean()
check(0.7 < lone / np.nanstd(2 * gappy) < 1.4, f"nothing is known of a cell without values: spread {lone:.2f}")

for option, word in ((("--model", source), "impute.model"), (("--noise", "0.1"), "impute.noise"),
                     (("--set", "dineof.filter=0.6"), "dineof.filter"), (("--set", "dineof.withheld=cloud"), "clouds")):
    message = run(2, "impute", "--method", "dineof", "--input", source, "--output", work / "no.nc", *option)[1]
    check(word in message, f"{option} is refused: {message.strip()}")
write(work / "short.nc", gappy[:2])
message = run(3, "impute", "--method", "dineof", "--input", work / "short.nc", "--output", work / "no.nc")[1]
check("short.nc" in message and "matern" in message, f"two times are too few: {message.strip()}")
write(work / "unsorted.nc", gappy[:10], [0, 1, 2, 2, 3, 4, 5, 6, 7, 8])
message = run(3, "impute", "--method", "dineof", "--input", work / "unsorted.nc", "--output", work / "no.nc")[1]
check("[3]" in message and "filter" in message, f"times must increase: {message.strip()}")
run(0, "impute", "--method", "dineof", "--input", work / "unsorted.nc", "--output", work / "unfiltered.nc", "--quiet", "--set", "dineof.filter=0")
check(not (work / "no.nc").exists(), "nothing is left of refused runs")
finish()
