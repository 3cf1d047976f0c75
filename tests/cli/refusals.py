"""Bad input as users meet it: each ends with its exit code and a message that names the culprit; nothing is half-written."""
import os
import resource
import signal
import subprocess
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, interrupt, program, require, run, work

netCDF4, np = require("netCDF4", "numpy")
# One of the runs below is another user's.
os.chmod(work, 0o755)
model = work / "model.h5"
job = ["impute", "--model", model, "--method", "gaussian", "--members", "8", "--quiet"]
FILL = np.float32(-9e33)
LATITUDES = np.arange(-80.0, 81.0, 20.0)
LONGITUDES = np.arange(0.0, 360.0, 30.0)


def leftovers():
    """What an unfinished output leaves beside it."""
    return sorted(p.name for p in work.iterdir() if p.name.endswith((".part", ".manifill-checkpoint")) or p.name.startswith("out"))


def refused(code, *arguments, **options):
    """Runs what must be refused; what it leaves is seen before another run can hide it."""
    run(code, *arguments, **options)
    rest = leftovers()
    check(not rest, f"refused with {code}, {' '.join(map(str, arguments))} leaves {rest}")
    for name in rest:
        (work / name).unlink()


def write(name, months=24, latitudes=LATITUDES, longitudes=LONGITUDES, rows=("lat", "degrees_north"), change=lambda file, values: None):
    """Months of a random field on a coarse globe with two gaps, K."""
    with netCDF4.Dataset(work / name, "w") as f:
        for axis, values, units in (("time", np.arange(months), "months since 1990-01-15"), (rows[0], latitudes, rows[1]),
                                    ("lon", longitudes, "degrees_east")):
            f.createDimension(axis, None if axis == "time" else len(values))
            f.createVariable(axis, "f8", (axis,))
            f[axis].units = units
            f[axis][:] = values
        v = f.createVariable("tas", "f4", ("time", rows[0], "lon"), fill_value=FILL)
        v.units = "K"
        v.set_auto_maskandscale(False)
        values = (280.0 + np.random.default_rng(1).normal(size=(months, len(latitudes), len(longitudes)))).astype("f4")
        if months:
            values[:, 1, 1] = values[months // 2:, 3, 2:] = FILL
        change(f, values)
        v[:] = values
    return work / name


def complete(_, values):
    values[values == FILL] = 280.0


run(0, "train", "prior", "--input", write("complete.nc", 48, change=complete), "--output", model, "--set", "backbone.mean_harmonics=1",
    "--set", "backbone.rank=20", "--set", "backbone.taper_km=8000", "--set", "train.name=toy")
good = write("good.nc")
run(0, *job, "--input", good, "--output", work / "fine.nc")

# --- Grids and values, each refused with file and place.


def with_text(file, _):
    file.createVariable("remark", str, ("time", "lat", "lon"))[0, 0, 0] = "warm"


def infinite(_, values):
    values[3, 4, 5] = np.inf


def hot(_, values):
    values[3, 4, 5] = 500.0


def hot_late(_, values):
    values[20, 4, 5] = 500.0


def blobs(file, _):
    file["tas"].units = "blobs"


def swapped(a, b):
    values = LATITUDES.copy()
    values[[a, b]] = values[[b, a]]
    return values


doubled = LATITUDES.copy()
doubled[4] = doubled[3]
far = {"latitudes": np.arange(-80.0, -59.0, 4.0), "longitudes": np.arange(0.0, 30.0, 4.0)}
for path, says in ((write("infinite.nc", change=infinite), ["'tas'", "[time 3][lat 4][lon 5]", "infinite"]),
                   (write("hot.nc", change=hot), ["'tas'", "[time 3][lat 4][lon 5]", "500 K is implausible"]),
                   (write("hot_late.nc", change=hot_late), ["'tas'", "[time 20][lat 4][lon 5]", "500 K is implausible"]),
                   (write("blobs.nc", change=blobs), ["'tas'", "'blobs'"]),
                   (write("rows.nc", rows=("row", "1")), ["'tas'", "latitude"]),
                   (write("order.nc", latitudes=swapped(3, 5)), ["'lat'", "[latitude 4]", "not monotonic"]),
                   (write("doubled.nc", latitudes=doubled), ["'lat'", "[latitude 4]"]),
                   (write("norecord.nc", months=0), ["'tas'", "time", "0"])):
    refused(3, *job, "--input", path, "--output", work / "out.nc", says=[str(path), *says])
text = write("text.nc", change=with_text)
refused(3, *job, "--input", text, "--variable", "remark", "--output", work / "out.nc", says=[str(text), "'remark'", "text"])
refused(3, *job, "--input", good, "--variable", "tos", "--output", work / "out.nc", says=["'tos'", "tas"])
run(3, "inspect", work / "norecord.nc", says="0")

# A value beyond the shard comes in only with the window of its last field, when others are done already.
run(0, "train", "prior", "--input", work / "complete.nc", "--output", work / "windowed.h5", "--set", "backbone.mean_harmonics=1",
    "--set", "backbone.rank=20", "--set", "backbone.taper_km=8000", "--set", "backbone.window=1", "--set", "train.name=windowed")


def hot_beyond(_, values):
    values[12, 4, 5] = 500.0


beyond = write("beyond.nc", change=hot_beyond)
refused(3, "impute", "--model", work / "windowed.h5", "--method", "gaussian", "--members", "8", "--quiet", "--input", beyond, "--output", work / "out.nc",
        "--shard", "1/2", says=[str(beyond), "[time 12][lat 4][lon 5]", "500 K is implausible"])

# A regional model and an input beside it.
run(0, "train", "prior", "--input", write("region.nc", 48, change=complete, **far), "--output", work / "regional.h5", "--set", "backbone.mean_harmonics=1",
    "--set", "backbone.rank=20", "--set", "train.name=region")
beside = write("beside.nc", latitudes=np.arange(20.0, 41.0, 4.0), longitudes=np.arange(100.0, 130.0, 4.0))
refused(3, "impute", "--model", work / "regional.h5", "--method", "gaussian", "--input", beside, "--output", work / "out.nc", says=[str(beside), "no cell", "this region"])

# --- Model files. Sealed ones of another version or with hostile sizes: io.model_file's unit test.
whole = model.read_bytes()
for name, content in (("cut.h5", whole[:len(whole) // 2]), ("short.h5", whole[:-1]), ("empty.h5", b""), ("longer.h5", whole + b"x"),
                      ("changed.h5", whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])):
    (work / name).write_bytes(content)
    refused(3, "impute", "--model", work / name, "--input", good, "--output", work / "out.nc", says=[str(work / name)])
refused(3, "impute", "--model", good, "--input", good, "--output", work / "out.nc", says=[str(good), "model"])
refused(4, "impute", "--model", work / "absent.h5", "--input", good, "--output", work / "out.nc", says=["absent.h5"])

# --- Options.
for option, value, says in (("--members", "0", "members"), ("--members", "-3", "members"), ("--members", "many", "members"), ("--noise", "-1", "noise"),
                            ("--shard", "0/3", "shard"), ("--shard", "1/400", "24 times"), ("--max-memory", "lots", "lots"), ("--max-memory", "1MiB", "--max-memory")):
    refused(2, *job, "--input", good, "--output", work / "out.nc", option, value, says=says)
(work / "typo.toml").write_text("[impute]\nmembrs = 3\n")
refused(2, "impute", work / "typo.toml", says=["impute.membrs", "impute.members"])

# --- Outputs that cannot be written: exit code 4, before any work is lost.
refused(4, *job, "--input", good, "--output", work / "nowhere" / "out.nc", says="directory")
refused(4, *job, "--input", good, "--output", good / "out.nc", says="out.nc")
locked = work / "locked"
locked.mkdir(mode=0o555)
# Root may write anywhere: the refusal is seen by somebody else then.
other = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
try:
    seen = subprocess.run([program, "--version"], capture_output=True, check=False, **other).returncode == 0
except (PermissionError, subprocess.SubprocessError):
    seen = False
if seen:
    refused(4, *job, "--input", good, "--output", locked / "out.nc", says=["out.nc", "Permission denied", "directory you may write to"], **other)
    check(not list(locked.iterdir()), "nothing appears in a directory that may not be written to")
else:
    print("SKIPPED: the read-only directory; no other user can run the program here")


def little_room(size):
    """As on a full disk, files stop growing at so many bytes; the write fails with its error, no signal ends the run."""

    def prepare():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return prepare


for size in (64, 4096, 100000):
    run(4, *job, "--input", good, "--output", work / "out.nc", "--write-members", says="out.nc", preexec_fn=little_room(size))
    check(not (work / "out.nc").exists() and not list(work.glob(".*.part")), f"a disk that is full after {size} bytes leaves no output")
    # A checkpoint may stay: with room on the disk a run can go on from it.
    for rest in work.glob("out*"):
        rest.unlink()

# --- Signals: exit code 75, nothing under the final name, and --resume goes on.
many = write("many.nc", months=3000)
checkpoint = work / "out.nc.manifill-checkpoint"
for stop in (signal.SIGINT, signal.SIGTERM):
    code, said = interrupt(stop, lambda: checkpoint.exists() and checkpoint.stat().st_size > 100000,
                           *job, "--input", many, "--output", work / "out.nc", "--write-members")
    check(code == 75 and "--resume" in said and stop.name in said, f"{stop.name}: exit {code}\n{said}")
    check(not (work / "out.nc").exists() and not list(work.glob(".*.part")), f"{stop.name} leaves nothing under the final name")
    check(checkpoint.exists(), f"{stop.name} leaves a checkpoint")
    if stop == signal.SIGINT:
        checkpoint.unlink()
run(0, *job[:-1], "--input", many, "--output", work / "out.nc", "--write-members", "--resume", says="resumed")
with netCDF4.Dataset(work / "out.nc") as f:
    check(not np.ma.is_masked(f["tas"][:]) and bool(np.all(f["tas_spread"][:][:, 1, 1] > 0)), "the resumed run fills every gap")

finish()
