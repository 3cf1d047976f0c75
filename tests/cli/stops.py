"""Signals between and within units of work: exit code 75, and nothing half-done is left."""
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, interrupt, program, require, run, work

netCDF4, np = require("netCDF4", "numpy")

field = work / "field.nc"
with netCDF4.Dataset(field, "w") as f:
    for name, values, units in (("time", np.arange(48), "months since 1990-01-15"), ("lat", np.arange(-60.0, 61.0, 40.0), "degrees_north"),
                                ("lon", np.arange(0.0, 360.0, 60.0), "degrees_east")):
        f.createDimension(name, len(values))
        f.createVariable(name, "f8", (name,)).units = units
        f[name][:] = values
    random = np.random.default_rng(2)
    f.createVariable("tas", "f4", ("time", "lat", "lon")).units = "K"
    f["tas"][:] = 280 + random.normal(size=(48, 1, 1)) + 0.3 * random.normal(size=(48, 4, 6))


def left():
    return sorted(p.name for p in work.iterdir() if p.name.endswith(".part"))


# A series of pictures ends between two of them; those that stand are whole.
code, said = interrupt(signal.SIGTERM, (work / "map_0002.png").exists, "plot", field, "-o", work / "map.png", "--time", "0:47")
pictures = sorted(work.glob("map_*.png"))
check(code == 75 and "stopped by SIGTERM" in said, f"plot exits with 75: {code}\n{said}")
check(f"the first {len(pictures)} of 48 pictures were written" in said and not left(), f"{len(pictures)} pictures, {left()}: {said}")

model = work / "model.h5"
run(0, "train", "prior", "--input", field, "--output", model, "--set", "backbone.mean_harmonics=1", "--set", "backbone.rank=20", "--set", "backbone.taper_km=8000")


def ready(pid):
    """Whether the program that computes is there and catches SIGTERM."""
    try:
        caught = int(re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())[1], 16)
        return "compute" in os.readlink(f"/proc/{pid}/exe") and caught >> (signal.SIGTERM - 1) & 1
    except OSError:
        return False


if Path("/proc/self/status").exists():
    command = [program, "sample", "--model", model, "-n", "100000", "-o", work / "draws.nc", "--set", "sample.steps=1000"]
    running = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.time() + 120
    while time.time() < deadline and running.poll() is None and not ready(running.pid):
        time.sleep(0.01)
    running.send_signal(signal.SIGTERM)
    said = running.communicate(timeout=120)[1]
    check(running.returncode == 75 and "stopped by SIGTERM; nothing was written" in said, f"sample exits with 75: {running.returncode}\n{said}")
    check(not (work / "draws.nc").exists() and not left(), f"a stopped sample leaves nothing: {left()}")

# A method that takes long over a field is stopped in the middle of it, and the job can go on.
gappy = work / "gappy.nc"
with netCDF4.Dataset(field) as f, netCDF4.Dataset(gappy, "w") as g:
    for name, d in f.dimensions.items():
        g.createDimension(name, len(d))
    for name, v in f.variables.items():
        g.createVariable(name, v.dtype, v.dimensions, fill_value=-999.0 if name == "tas" else None).units = v.units
        g[name][:] = v[:]
    g["tas"][:, 1, 2] = np.ma.masked
filled = work / "filled.nc"
checkpoint = Path(f"{filled}.manifill-checkpoint")
code, said = interrupt(signal.SIGTERM, checkpoint.exists, "impute", "--model", model, "--input", gappy, "--output", filled, "--method", "dps", "--set", "dps.steps=100000")
check(code == 75 and "stopped by SIGTERM after 0 of 48 fields" in said and "--resume" in said, f"impute exits with 75: {code}\n{said}")
check(checkpoint.exists() and not filled.exists(), "the checkpoint stays, and there is no output")

finish()
