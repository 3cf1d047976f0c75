"""The method matern: a single field of any grid filled without a model, from its own values."""
import re
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, require, run, work

netCDF4, np = require("netCDF4", "numpy")
random = np.random.default_rng(11)


def waves(x, y, times):
    """Smooth fields of many random waves, of variance 4 about 280 K: [time][row][column]."""
    k, phase = random.normal(0, 0.35, (times, 60, 2)), random.uniform(0, 2 * np.pi, (times, 60))
    angle = k[..., 0, None, None] * x + k[..., 1, None, None] * y + phase[..., None, None]
    return 280 + 2 * np.sqrt(2 / 60) * np.cos(angle).sum(axis=1)


def write(path, values, latitudes=None, longitudes=None):
    with netCDF4.Dataset(path, "w") as f:
        for name, length in (("time", None), ("lat", values.shape[1]), ("lon", values.shape[2])):
            f.createDimension(name, length)
        f.createVariable("time", "f8", ("time",)).units = "days since 2001-01-01"
        f["time"][:] = np.arange(len(values))
        for name, units, first, places in (("lat", "degrees_north", 30, latitudes), ("lon", "degrees_east", 350, longitudes)):
            f.createVariable(name, "f8", (name,))[:] = first + np.arange(f.dimensions[name].size) if places is None else places
            f[name].units = units
        v = f.createVariable("ta", "f4", ("time", "lat", "lon"), fill_value=np.float32(-9e33), zlib=True)
        v.setncatts({"units": "K", "standard_name": "air_temperature"})
        v[:] = np.ma.masked_invalid(values)


def opened(path):
    f = netCDF4.Dataset(path)
    f.set_auto_maskandscale(False)
    return f


rows, columns = np.meshgrid(np.arange(24.0), np.arange(30.0), indexing="ij")
truth = waves(columns, rows, 4) + random.normal(0, 0.05, (4, 24, 30))
gappy = truth.copy()
gappy[:, 5:14, 8:22] = np.nan  # a block that is never observed
gappy[1:, random.random((24, 30)) < 0.3] = np.nan
source, out = work / "gappy.nc", work / "out.nc"
write(source, gappy)

run(0, "impute", "--method", "matern", "--input", source, "--output", out, "--members", "40", "--write-members", "--quiet")
before, after, gap = opened(source), opened(out), np.isnan(gappy)
raw, filled = before["ta"][:], after["ta"][:]
check(np.array_equal(raw[~gap].view("i4"), filled[~gap].view("i4")), "observed bits are kept")
check(np.array_equal(after["ta_status"][:], gap.astype("i1")), "every gap is filled and called so")
check("Matern field, range" in after.manifill_model, f"provenance: {after.manifill_model}")
error = (filled - truth)[gap]
rmse, spread = np.sqrt(np.mean(error**2)), np.sqrt(np.mean(after["ta_spread"][:][gap].astype("f8") ** 2))
check(rmse < 0.6 * np.std(truth), f"skill: RMSE {rmse:.3f} K of a field of {np.std(truth):.3f} K")
# Waves are smoother than a Matern field of smoothness 1, which therefore promises too little.
check(0.6 < rmse / spread < 1.3, f"the spread {spread:.3f} K is honest of an error of {rmse:.3f} K")
members = after["ta_member"][:]
check(members.shape == (40, 4, 24, 30) and np.allclose(members.mean(axis=0)[gap], filled[gap], atol=0.05), "the mean is the members'")
check(np.all(members[:, ~gap] == raw[~gap]), "members keep what is observed")

# The written configuration holds the fitted parameters: it gives the same file again, whole or in shards.
again = work / "again.nc"
run(0, "impute", str(out) + ".toml", "--output", again, "--quiet")
check(np.array_equal(opened(again)["ta_member"][:], members), "the written configuration repeats the run")
for i in (1, 2):
    run(0, "impute", "--method", "matern", "--input", source, "--output", work / f"shard{i}.nc", "--members", "40",
        "--write-members", "--shard", f"{i}/2", "--quiet")
run(0, "merge", work / "merged.nc", work / "shard1.nc", work / "shard2.nc", "--quiet")
check(np.array_equal(opened(work / "merged.nc")["ta_member"][:], members), "shards merge to the whole")

# What is never observed can be called masked; a field that tells nothing stays as it is.
never = gappy.copy()
never[2] = np.nan
write(work / "never.nc", never)
run(0, "impute", "--method", "matern", "--input", work / "never.nc", "--output", work / "masked.nc", "--set",
    "matern.never_observed=mask", "--members", "4", "--quiet")
status = opened(work / "masked.nc")["ta_status"][:]
block = np.zeros((24, 30), bool)
block[5:14, 8:22] = True
always = np.isnan(never).all(axis=0)
check(np.all(status[:, always] == 3) and always[block].all(), "never observed: masked")
check(np.all(status[2][~always] == 2), "a field without values is not filled")
check(np.all(status[3][np.isnan(never[3]) & ~always] == 1), "other fields are filled")

# On the globe the level follows latitude where the fields do, and not where they are anomalies.
latitudes, longitudes = np.arange(-85.0, 86.0, 10.0), np.arange(0.0, 360.0, 15.0)
steps = random.normal(size=(6, 2, 1, 1))
waving = 0.7 * (steps[:, 0] * np.cos(np.radians(3 * longitudes)) + steps[:, 1] * np.sin(np.radians(2 * longitudes)))
anomalies = waving * np.cos(np.radians(latitudes))[:, None] + random.normal(0, 0.3, (6, 18, 24))
climate = 255 + 40 * np.cos(np.radians(latitudes))[:, None] + anomalies
for name, values, follows in (("anomalies", anomalies, False), ("climate", climate, True)):
    values[:, 2:6, 3:12] = np.nan
    path = work / f"{name}.nc"
    write(path, values, latitudes, longitudes)
    run(0, "impute", "--method", "matern", "--input", path, "--output", work / f"{name}.out.nc", "--members", "4", "--quiet")
    degree = int(re.search(r"latitude_degree = (\d+)", (work / f"{name}.out.nc.toml").read_text())[1])
    check((degree > 0) == follows, f"{name}: degree {degree} is chosen")
    check(("sine of latitude" in opened(work / f"{name}.out.nc").manifill_model) == follows, f"{name}: the provenance says it")

for option, word in ((("--model", source), "impute.model"), (("--noise", "0.1"), "impute.noise"),
                     (("--representativeness", "0.1"), "representativeness"),
                     (("--set", "matern.range=500"), "only some")):
    message = run(2, "impute", "--method", "matern", "--input", source, "--output", work / "no.nc", *option)[1]
    check(word in message, f"{option[0]} is refused: {message.strip()}")
check(not (work / "no.nc").exists(), "nothing is left of refused runs")
finish()
