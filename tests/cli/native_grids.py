"""Lists of cells, curvilinear grids and meshes as users have them: inspect, train, impute on the grid's own form, plot."""
import json
import subprocess
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, require, run, work

netCDF4, np, xarray = require("netCDF4", "numpy", "xarray")
random = np.random.default_rng(7)


def spiral(n):
    """Nearly even points of the sphere: latitudes and longitudes, degrees (Saff and Kuijlaars 1997)."""
    k = np.arange(n) + 0.5
    return np.degrees(np.arcsin(1 - 2 * k / n)), np.degrees(np.pi * (1 + 5**0.5) * k) % 360


def smooth(lat, lon, times):
    """Fields of few waves with random amplitudes: [time][place...], K."""
    phi, lam = np.radians(lat), np.radians(lon)
    waves = [np.sin(phi), np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(2 * phi) * np.cos(lam),
             np.cos(phi) ** 2 * np.cos(2 * lam), np.cos(phi) ** 2 * np.sin(2 * lam)]
    return 280 + sum(random.normal(0, 3, times).reshape(-1, *[1] * phi.ndim) * w for w in waves)


def write(path, dims, lat, lon, values, first_year):
    with netCDF4.Dataset(path, "w") as f:
        f.createDimension("time", None)
        for name, length in zip(dims, lat.shape):
            f.createDimension(name, length)
        f.createVariable("time", "f8", ("time",)).setncatts({"units": f"days since {first_year}-01-01", "calendar": "standard"})
        f["time"][:] = 30.4375 * np.arange(len(values)) + 15
        for name, units, x in (("lat", "degrees_north", lat), ("lon", "degrees_east", lon)):
            f.createVariable(name, "f8", dims)[:] = x
            f[name].units = units
        v = f.createVariable("ta", "f4", ("time", *dims), fill_value=np.float32(-9e33), zlib=True)
        v.setncatts({"units": "K", "standard_name": "air_temperature", "coordinates": "lat lon"})
        v[:] = np.ma.masked_invalid(values)


lat, lon = spiral(400)
rows, columns = np.meshgrid(np.linspace(-20, 20, 15), np.linspace(0, 60, 20), indexing="ij")
grids = {"cells": (("cell",), lat, lon), "curvilinear": (("y", "x"), rows + 0.1 * columns, columns - 0.2 * rows)}

for name, (dims, la, lo) in grids.items():
    history, recent = smooth(la, lo, 60), smooth(la, lo, 3)
    gappy = recent.copy()
    gappy[:, (la > 10) & (la < 25)] = np.nan
    train, small, out, prior = (work / f"{name}_{part}" for part in ("train.nc", "gappy.nc", "out.nc", "prior.h5"))
    write(train, dims, la, lo, history, 1990)
    write(small, dims, la, lo, gappy, 2000)
    run(0, "train", "prior", "--input", train, "--output", prior, "--set", "backbone.taper_km=8000",
        "--set", "backbone.season_bins=1", "--set", "backbone.mean_harmonics=0", "--set", "train.name=waves", "--quiet")
    inspected = json.loads(run(0, "inspect", small, "--variable", "ta", "--model", prior, "--json")[0])
    check(inspected["grid"]["kind"] == name and inspected["grid"]["cells"] == la.size, f"inspect names {name}: {inspected['grid']}")
    check(inspected["models"][0]["fits"] and inspected["models"][0]["covered"] == 1, f"the model fits {name}")
    run(0, "impute", "--model", prior, "--input", small, "--variable", "ta", "--output", out, "--method", "gaussian",
        "--members", "16", "--write-members", "--quiet")
    before, after = netCDF4.Dataset(small), netCDF4.Dataset(out)
    for file in (before, after):
        file.set_auto_maskandscale(False)
    raw, filled, gap = before["ta"][:], after["ta"][:], np.isnan(gappy)
    check(np.array_equal(raw[~gap].view("i4"), filled[~gap].view("i4")), f"{name}: observed bits are kept")
    check(np.all(after["ta_status"][:] == gap), f"{name}: status")
    check(after["ta"].dimensions == ("time", *dims) and after["ta_member"].dimensions == ("realization", "time", *dims), f"{name}: its own dimensions")
    check(all(after[v].coordinates == "lat lon" for v in ("ta", "ta_spread", "ta_status", "ta_member")), f"{name}: coordinates attribute")
    # Six waves, seen on more than half of the sphere or region, are known almost exactly.
    error, climatology = (np.sqrt(np.mean((x - recent[gap]) ** 2)) for x in (filled[gap], 280.0))
    check(error < 0.35 * climatology, f"{name}: filled to {error:.3f} K, climatology {climatology:.3f} K")
    with xarray.open_dataset(out) as seen:
        check(bool(seen["ta"].notnull().all()), f"{name}: xarray opens it")
    run(0, "plot", out, "--variable", "ta", "-o", work / f"{name}.png")
    check((work / f"{name}.png").read_bytes()[:4] == b"\x89PNG", f"{name}: a picture")

    # The order of cells is nothing but an order.
    if name == "cells":
        order = random.permutation(la.size)
        write(work / "train2.nc", dims, la[order], lo[order], history[:, order], 1990)
        write(work / "gappy2.nc", dims, la[order], lo[order], gappy[:, order], 2000)
        run(0, "train", "prior", "--input", work / "train2.nc", "--output", work / "prior2.h5", "--set", "backbone.taper_km=8000",
            "--set", "backbone.season_bins=1", "--set", "backbone.mean_harmonics=0", "--quiet")
        run(0, "impute", "--model", work / "prior2.h5", "--input", work / "gappy2.nc", "--variable", "ta", "--output", work / "out2.nc",
            "--method", "gaussian", "--members", "64", "--quiet")
        run(0, "impute", "--model", prior, "--input", small, "--variable", "ta", "--output", work / "out64.nc",
            "--method", "gaussian", "--members", "64", "--quiet")
        with netCDF4.Dataset(work / "out2.nc") as a, netCDF4.Dataset(work / "out64.nc") as b:
            other, own, spread = a["ta"][:], b["ta"][:][:, order], b["ta_spread"][:][:, order]
            # Two ensemble means of 64 members each, of differently ordered draws: five standard errors.
            check(np.all(np.abs(other - own) <= 5 * spread * (2 / 64) ** 0.5 + 1e-3), "cells in another order are filled as well")

# A model of one kind of grid fills a file of another: cells are points of a lat-lon model's field.
with netCDF4.Dataset(work / "ll.nc", "w") as f:
    y, x = np.arange(-85, 86, 10.0), np.arange(0, 360, 10.0)
    f.createDimension("time", 60)
    for name, values, units in (("lat", y, "degrees_north"), ("lon", x, "degrees_east")):
        f.createDimension(name, len(values))
        f.createVariable(name, "f8", (name,))[:] = values
        f[name].units = units
    f.createVariable("time", "f8", ("time",)).units = "days since 1990-01-01"
    f["time"][:] = 30.4375 * np.arange(60) + 15
    v = f.createVariable("ta", "f4", ("time", "lat", "lon"))
    v.setncatts({"units": "K", "standard_name": "air_temperature"})
    v[:] = smooth(*np.meshgrid(y, x, indexing="ij"), 60)
run(0, "train", "prior", "--input", work / "ll.nc", "--output", work / "ll.h5", "--set", "backbone.taper_km=8000",
    "--set", "backbone.season_bins=1", "--set", "backbone.mean_harmonics=0", "--quiet")
run(0, "impute", "--model", work / "ll.h5", "--input", work / "cells_gappy.nc", "--variable", "ta", "--output", work / "cross.nc",
    "--method", "gaussian", "--members", "16", "--quiet")
with netCDF4.Dataset(work / "cross.nc") as a, netCDF4.Dataset(work / "cells_gappy.nc") as b:
    gap = np.ma.getmaskarray(b["ta"][:])
    check(not np.ma.getmaskarray(a["ta"][:]).any() and np.array_equal(a["ta"][:][~gap], b["ta"][:][~gap]), "a lat-lon model fills cells")

# What makes no grid is refused with the cell and the remedy.
with netCDF4.Dataset(work / "cells_gappy.nc") as a, netCDF4.Dataset(work / "twice.nc", "w") as b:
    b.setncatts({k: a.getncattr(k) for k in a.ncattrs()})
    for name, dimension in a.dimensions.items():
        b.createDimension(name, len(dimension))
    for name, v in a.variables.items():
        fill = v._FillValue if "_FillValue" in v.ncattrs() else None
        b.createVariable(name, v.dtype, v.dimensions, fill_value=fill).setncatts({k: v.getncattr(k) for k in v.ncattrs() if k != "_FillValue"})
        b[name][:] = v[:]
    b["lat"][5], b["lon"][5] = b["lat"][4], b["lon"][4]
run(3, "inspect", work / "twice.nc", "--variable", "ta", says=["cell 5", "Remove the duplicate"])

# A surface in space: a ball of triangles whose vertices come by UGRID.
points = np.stack([np.cos(np.radians(lat)) * np.cos(np.radians(lon)), np.cos(np.radians(lat)) * np.sin(np.radians(lon)), np.sin(np.radians(lat))], 1)
scipy_spatial, = require("scipy.spatial")
faces = scipy_spatial.ConvexHull(points).simplices
with netCDF4.Dataset(work / "ball.nc", "w") as f:
    for name, length in (("time", 30), ("node", 400), ("face", len(faces)), ("three", 3)):
        f.createDimension(name, length)
    f.createVariable("mesh", "i4").setncatts({"cf_role": "mesh_topology", "topology_dimension": 2, "node_coordinates": "x y z", "face_node_connectivity": "corners"})
    f.createVariable("corners", "i4", ("face", "three"))[:] = faces
    for k, name in enumerate("xyz"):
        f.createVariable(name, "f8", ("node",))[:] = points[:, k]
    f.createVariable("time", "f8", ("time",)).units = "years since 1-1-1"
    f["time"][:] = np.arange(30)
    v = f.createVariable("s", "f4", ("time", "node"), fill_value=np.float32(1e30))
    v.setncatts({"units": "1", "mesh": "mesh", "location": "node"})
    values = smooth(lat, lon, 30) - 280
    values[29, lat > 50] = np.nan
    v[:] = np.ma.masked_invalid(values)
check("triangle mesh" in run(0, "inspect", work / "ball.nc")[0], "inspect names a mesh")
run(0, "train", "prior", "--input", work / "ball.nc", "--output", work / "ball.h5", "--set", "train.last_year=28",
    "--set", "backbone.taper_km=3", "--set", "backbone.season_bins=1", "--set", "backbone.mean_harmonics=0", "--quiet")
run(0, "impute", "--model", work / "ball.h5", "--input", work / "ball.nc", "--output", work / "ball_out.nc", "--method", "gaussian",
    "--members", "8", "--quiet")
with netCDF4.Dataset(work / "ball_out.nc") as f:
    check(not np.ma.getmaskarray(f["s"][:]).any() and f["s_spread"].mesh == "mesh" and f["s_spread"].location == "node", "a surface is filled, on its mesh")

if subprocess.run(["which", "cdo"], capture_output=True).returncode == 0:
    sinfo = subprocess.run(["cdo", "-s", "sinfon", work / "curvilinear_out.nc"], capture_output=True, text=True)
    check(sinfo.returncode == 0 and "curvilinear" in sinfo.stdout, f"cdo sees the curvilinear grid: {sinfo.stdout}{sinfo.stderr}")
finish()
