"""manifill inspect as users run it: report, JSON, refusals, exit codes, and nothing on standard error of libraries."""
import json
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, require, run, work

netCDF4, np = require("netCDF4", "numpy")


def inspect(code, *arguments, says=()):
    return run(code, "inspect", *arguments, says=says)


def write(name, form="NETCDF4", change=lambda variable, values: None, latitudes=(60.0, 20.0, -20.0, -60.0), times=range(24), since="months since 1990-01-15"):
    """24 months on a coarse globe with two gaps, K."""
    path = work / name
    with netCDF4.Dataset(path, "w", format=form) as f:
        for dimension, length in (("time", len(times)), ("lat", len(latitudes)), ("lon", 6)):
            f.createDimension(dimension, length)
        for axis, units, values in (("time", since, times),
                                    ("lat", "degrees_north", latitudes), ("lon", "degrees_east", range(0, 360, 60))):
            coordinate = f.createVariable(axis, "f8", (axis,))
            coordinate.units = units
            coordinate[:] = list(values)
        v = f.createVariable("tas", "f4", ("time", "lat", "lon"), fill_value=-9e33)
        v.units = "K"
        v.long_name = "near-surface temperature"
        values = 280.0 + np.arange(len(times) * len(latitudes) * 6, dtype="f4").reshape(len(times), len(latitudes), 6) / 10
        values[:, 0, 0] = -9e33
        values[6:12, 2, 3:] = -9e33
        change(v, values)
        v.set_auto_maskandscale(False)
        v[:] = values
    return path


good = write("good.nc")
text, error = inspect(0, good, says=["tas: near-surface temperature, K", "regular, 4 x 6 (lat x lon)", "global",
                                     "24, 1990-01-15 to 1991-12-15, monthly", "42 of 576 values", "2 different masks",
                                     "4.2 % never observed", "3.1 % real gaps", "for 32 members"])
check(error == "", f"standard error is silent: {error}")
check("refuse" not in text, "a good file is not refused")
inspect(0, good, "--variable", "tas", says="tas")
for form in ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA", "NETCDF4_CLASSIC"):
    inspect(0, write("form.nc", form), says="42 of 576 values")

facts = json.loads(inspect(0, good, "--json")[0])
check(facts["variable"] == "tas" and facts["format"] == "NetCDF-4", "JSON names variable and format")
check(facts["missing"]["missing"] == 42 and len(facts["missing"]["missing_share"]) == 24, "JSON counts what is missing")
check(facts["grid"]["global"] and facts["time"]["step"] == "monthly", "JSON knows grid and time")
check(facts["refusal"] is None and facts["memory"] > 1e8, "JSON has no refusal, and the memory")
check([v["name"] for v in facts["variables"] if v["fillable"]] == ["tas"], "JSON lists what can be filled")


def all_missing(_, values):
    values[:] = -9e33


def constant(_, values):
    values[:] = 280.0


def infinite(_, values):
    values[3, 1, 4] = np.inf


def units(variable, _):
    variable.units = "blobs"


# Refused: exit code 3, the report all the same, and the words of impute.
for change, says in ((all_missing, "all values are missing"), (constant, "all values are 280: a constant field"),
                     (infinite, "at [time 3][lat 1][lon 4]: the value is infinite (inf)"),
                     (units, "the unit 'blobs' is unknown")):
    path = write("refused.nc", change=change)
    inspect(3, path, says=[f"impute would refuse it: {path}: variable 'tas'", says, "can be filled", "1990-01-15"])
    check(says in (json.loads(inspect(3, path, "--json")[0])["refusal"] or ""), f"JSON has the refusal {says}")
inspect(3, write("order.nc", latitudes=(60.0, -20.0, 20.0, -60.0)), says=["'lat' at [latitude 2]", "not monotonic"])
inspect(3, good, "--variable", "tos", says=["no such variable", "The file holds"])
inspect(3, good, "--variable", "lat", says="it is a coordinate")

# Unreadable: the message alone.
whole = good.read_bytes()
(work / "zero.nc").write_bytes(b"")
(work / "text.nc").write_text("year,month\n")
(work / "cut.nc").write_bytes(whole[:len(whole) // 2])
classic = write("classic.nc", "NETCDF3_CLASSIC").read_bytes()
(work / "cut3.nc").write_bytes(classic[:-100])
for path, says in ((work / "absent.nc", "no such file"), (work, "is a directory"), (work / "zero.nc", "0 bytes"),
                   (work / "text.nc", "not a NetCDF file"), (work / "cut.nc", "truncated"),
                   (work / "cut3.nc", "is truncated: it has")):
    text, error = inspect(3, path, says=[str(path), says])
    check("HDF5-DIAG" not in error and error.count("\n") <= 2, f"{path.name}: one message, no library's stack\n{error}")
    check(text == "", f"{path.name}: no report")
    text, error = inspect(3, path, "--json", says=[str(path), says])
    answer = json.loads(text or "{}")
    check(answer.get("file") == str(path) and says in answer.get("error", "") and answer["error"] in error, f"{path.name}: JSON has the error\n{text}")

# Models: each says whether it fits, and none that fits is a refusal with impute's words.


def wave(_, values):
    random = np.random.default_rng(2)
    values[:] = 280 + random.normal(size=(len(values), 1, 1)) + 0.3 * random.normal(size=values.shape)


def with_gap(_, values):
    wave(_, values)
    values[1, 1, 1] = -9e33


model = work / "model.h5"
run(0, "train", "prior", "--input", write("training.nc", change=wave, times=range(48)), "--output", model, "--set", "backbone.mean_harmonics=1",
    "--set", "backbone.rank=20", "--set", "backbone.taper_km=8000")
fitting = write("fitting.nc", change=with_gap)
text, _ = inspect(0, fitting, "--model", model, says=["fits, covers 100.0 % of the grid", "within 0 degrees, 0 km"])
check("refuse" not in text, "a file that the model fits is not refused")


def same_words(path):
    """inspect refuses what impute refuses, as impute does."""
    refused = run(3, "impute", "--model", model, "--method", "gaussian", "--members", "2", "--quiet", "--input", path, "--output", work / "out.nc")[1]
    words = refused.strip().removeprefix("manifill: error: ")
    inspect(3, path, "--model", model, says=["does not fit", "none of the models fits", f"impute would refuse it: {words}"])
    facts = json.loads(inspect(3, path, "--model", model, "--json")[0])
    check(facts["refusal"] == words and not facts["models"][0]["fits"], f"JSON has the words of impute: {facts['refusal']}\n{words}")
    check(facts["models"][0]["distance_km"] >= 0, "JSON has the distance")
    inspect(0, path)


def hot(_, values):
    with_gap(_, values)
    values[2, 3, 4] = 900


def metres(variable, values):
    with_gap(variable, values)
    variable.units = "m"


same_words(write("daily.nc", change=with_gap, times=range(5), since="days since 1990-01-15"))
same_words(write("backwards.nc", change=with_gap, times=[0, 2, 1]))
same_words(write("repeated.nc", change=with_gap, times=[0, 1, 1]))
same_words(write("hot.nc", change=hot))
same_words(write("metres.nc", change=metres))
with netCDF4.Dataset(fitting) as f, netCDF4.Dataset(work / "timeless.nc", "w") as g:
    for axis in ("lat", "lon"):
        g.createDimension(axis, len(f.dimensions[axis]))
        g.createVariable(axis, "f8", (axis,)).units = f[axis].units
        g[axis][:] = f[axis][:]
    g.createVariable("tas", "f4", ("lat", "lon"), fill_value=-9e33).units = "K"
    g["tas"][:] = f["tas"][1]
same_words(work / "timeless.nc")

# A model that cannot be read is named; the others are compared all the same.
(work / "no.h5").write_text("no model")
text, error = inspect(0, fitting, "--model", work / "no.h5", "--model", model, says=["fits, covers", f"cannot be read: {work / 'no.h5'}"])
check(error == "", f"an unreadable model beside a readable one is no failure: {error}")
fits = {m["path"]: m for m in json.loads(inspect(0, fitting, "--model", work / "no.h5", "--model", model, "--json")[0])["models"]}
check(fits[str(model)]["fits"] and not fits[str(work / "no.h5")]["readable"], "JSON tells unreadable models")
check(str(work / "no.h5") in fits[str(work / "no.h5")]["reason"], "JSON says what is wrong with a model")
text, error = inspect(3, fitting, "--model", work / "no.h5", says=[f"cannot be read: {work / 'no.h5'}", "NetCDF-4"])
check("manifill: error" in error, "without any readable model inspect fails")

inspect(2, says="inspect")
inspect(2, good, "--variabel", "tas", says="--variable")
inspect(0, "--help", says="--json")

finish()
