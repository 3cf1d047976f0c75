"""manifill inspect as users run it: report, JSON, refusals, exit codes, and nothing on standard error of libraries."""
import json
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, require, run, work

netCDF4, np = require("netCDF4", "numpy")


def inspect(code, *arguments, says=()):
    return run(code, "inspect", *arguments, says=says)


def write(name, form="NETCDF4", change=lambda variable, values: None, latitudes=(60.0, 20.0, -20.0, -60.0)):
    """24 months on a coarse globe with two gaps, K, packed."""
    path = work / name
    with netCDF4.Dataset(path, "w", format=form) as f:
        for dimension, length in (("time", 24), ("lat", len(latitudes)), ("lon", 6)):
            f.createDimension(dimension, length)
        for axis, units, values in (("time", "months since 1990-01-15", range(24)),
                                    ("lat", "degrees_north", latitudes), ("lon", "degrees_east", range(0, 360, 60))):
            coordinate = f.createVariable(axis, "f8", (axis,))
            coordinate.units = units
            coordinate[:] = list(values)
        v = f.createVariable("tas", "f4", ("time", "lat", "lon"), fill_value=-9e33)
        v.units = "K"
        v.long_name = "near-surface temperature"
        values = 280.0 + np.arange(24 * len(latitudes) * 6, dtype="f4").reshape(24, len(latitudes), 6) / 10
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
inspect(3, good, "--variable", "lat", says="it has no longitude dimension")

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

inspect(2, says="inspect")
inspect(2, good, "--variabel", "tas", says="--variable")
inspect(0, "--help", says="--json")

finish()
