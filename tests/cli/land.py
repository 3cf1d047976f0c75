"""Land: what the training fields never hold is masked in every fill, by either method, and never filled."""
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, require, run, work

netCDF4, np, xarray = require("netCDF4", "numpy", "xarray")
random = np.random.default_rng(5)
latitudes, longitudes, fill = np.arange(-27.0, 28.0, 6.0), np.arange(150.0, 270.0, 8.0), np.float32(-9999.0)
shape = (len(latitudes), len(longitudes))
land = np.zeros(shape, bool)
land[:4, :3] = land[7:, 11:] = land[5, 7] = True  # two coasts and an island


def anomalies(months):
    """Waves that travel and grow, land left out: [month][row][column]."""
    a, b = random.normal(size=(2, months, 1, 1))
    x, y = np.radians(3 * longitudes)[None, None, :], np.radians(4 * latitudes)[None, :, None]
    out = (a * np.cos(x) + b * np.sin(x)) * np.cos(y) + 0.1 * random.normal(size=(months, *shape))
    out[:, land] = np.nan
    return out.astype("f4")


def write(path, values, first_year):
    with netCDF4.Dataset(path, "w") as f:
        for name, x, units in (("time", 30.4375 * np.arange(len(values)) + 15, f"days since {first_year}-01-01"),
                               ("lat", latitudes, "degrees_north"), ("lon", longitudes, "degrees_east")):
            f.createDimension(name, len(x))
            f.createVariable(name, "f8", (name,))[:] = x
            f[name].units = units
        f["time"].calendar = "standard"
        f.createVariable("sst", "f4", ("time", "lat", "lon"), fill_value=fill).units = "K"
        f["sst"][:] = np.where(np.isnan(values), fill, values)


def raw(path, name):
    with netCDF4.Dataset(path) as f:
        f.set_auto_maskandscale(False)
        return f[name][:], getattr(f[name], "_FillValue", None)


write(work / "training.nc", anomalies(120), 1990)
truth = anomalies(12)
gappy = truth.copy()
gappy[:, 2:6, 4:11] = np.nan  # a block that reaches round the island
gappy[random.random(gappy.shape) < 0.2] = np.nan
gappy[4, 1, 1] = np.float32(0.123)  # a lake: a value where the training fields have none
write(work / "gappy.nc", gappy, 2001)

prior, model = work / "prior.h5", work / "flow.h5"
run(0, "train", "prior", "--input", work / "training.nc", "--output", prior, "--set", "backbone.window=1", "--set", "backbone.rank=30", "--quiet")
run(0, "train", "flow", "--prior", prior, "--output", model, "--set", "train.validation_years=[1999]", "--set", "flow.cases=32", "--set",
    "flow.validation_cases=8", "--set", "flow.folds=2", "--set", "flow.width=8", "--set", "flow.dilations=[1]", "--set", "flow.couplings=0",
    "--set", "flow.steps=20", "--set", "flow.batch=8", "--quiet")

before, gap = raw(work / "gappy.nc", "sst")[0], np.isnan(gappy)
everywhere = np.broadcast_to(land, gap.shape)
for method in ("gaussian", "flow"):
    out = work / f"{method}.nc"
    run(0, "impute", "--model", model, "--input", work / "gappy.nc", "--output", out, "--method", method, "--members", "6", "--write-members", "--quiet")
    status, after = raw(out, "sst_status")[0], raw(out, "sst")[0]
    check(np.all(status[everywhere & gap] == 3), f"{method}: land is masked")
    check(np.all(status[~everywhere & gap] == 1) and np.all(status[~gap] == 0), f"{method}: the sea is filled, what is observed is called so")
    check(np.array_equal(before[~gap].view("i4"), after[~gap].view("i4")), f"{method}: observed bits are kept, the lake's too")
    check(np.all(after[everywhere & gap] == fill), f"{method}: land keeps the missing value")
    members, missing = raw(out, "sst_member")
    check(np.all(members[:, everywhere & gap] == missing), f"{method}: no member fills land")
    check(np.all(members[:, ~gap] == before[~gap]), f"{method}: members keep what is observed")
    spread, missing = raw(out, "sst_spread")
    check(np.all(spread[everywhere & gap] == missing), f"{method}: land has no spread")
    with xarray.open_dataset(out) as f:
        check(np.array_equal(np.isnan(f.sst.values), everywhere & gap), f"{method}: xarray sees gaps on land alone")
        error = (f.sst.values - truth)[~everywhere & gap]
        # The waves explain all but the noise of 0.1 of a standard deviation of 0.5.
        check(np.sqrt(np.mean(error**2)) < 0.5 * np.nanstd(truth), f"{method}: the sea is filled with skill")
    if shutil.which("ncdump"):
        text = subprocess.run(["ncdump", "-v", "sst", str(out)], capture_output=True, text=True, check=True).stdout
        values = text[text.rindex(" sst ="):].split("=")[1].split(";")[0].split(",")
        check(sum(v.strip() == "_" for v in values) == np.count_nonzero(everywhere & gap), f"{method}: ncdump shows as many missing as there is land")
finish()
