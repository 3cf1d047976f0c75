#!/usr/bin/env python3
"""The Python module on small real files: no copies where none are promised, the program's own numbers, named errors."""
import ast
import os
import pathlib
import subprocess
import sys
import tempfile

package = os.environ["MANIFILL_PYTHON_PACKAGE"]
if not (pathlib.Path(package) / "manifill").is_dir():
    print("skipped: the Python package was not built")
    sys.exit(77)
sys.path.insert(0, package)

import netCDF4  # noqa: E402
import numpy as np  # noqa: E402
import xarray  # noqa: E402

import manifill  # noqa: E402

source = pathlib.Path(os.environ["MANIFILL_SOURCE"])
demo = source / "sample_data/demo"
model_path = source / "sample_data/models/fnoc_wind.flow.h5"
random = np.random.default_rng(1)


def refused(kind, call, says):
    try:
        call()
    except kind as e:
        assert says in str(e), (says, str(e))
        return
    raise AssertionError(f"nothing was refused: {says}")


# Type checkers see what there is, no more and no less.
declared = ast.parse((pathlib.Path(manifill.__file__).parent / "_core.pyi").read_text())
typed = {n.name for n in declared.body if isinstance(n, (ast.ClassDef, ast.FunctionDef))} | {"__version__"}
assert typed == {n for n in vars(manifill._core) if not n.startswith("__") or n == "__version__"}, typed
for of in (n for n in declared.body if isinstance(n, ast.ClassDef) and not n.name.endswith("Error")):
    typed = {n.name for n in of.body if isinstance(n, ast.FunctionDef)}
    there = {n for n in vars(getattr(manifill._core, of.name)) if not n.startswith("__") and n != "_pybind11_conduit_v1_"}
    assert there == {n for n in typed if not n.startswith("__")}, (of.name, there ^ typed)

# Domains: looked at where they are.
plane = manifill.Domain.plane(4, 5)
assert plane.kind == "plane" and len(plane) == 20 and plane.weights.sum() == np.float64(plane.weights.sum())
assert np.allclose(plane.weights.sum(), 1.0, atol=1e-15)
assert not plane.weights.flags.owndata and not plane.points.flags.owndata
assert sorted(plane.neighbours(0)) == [1, 5]
sphere = manifill.Domain.healpix(8)
assert sphere.size == 768 and np.allclose(np.linalg.norm(sphere.points, axis=1), 1.0)
latitude = np.linspace(87.5, -87.5, 36)
longitude = np.arange(0.0, 360.0, 5.0)
grid = manifill.Domain.lat_lon(latitude, longitude)
assert grid.hash == manifill.Domain.lat_lon(latitude.astype(np.float32), longitude).hash
refused(manifill.InputError, lambda: manifill.Domain.lat_lon([1.0, 1.0], longitude), "latitude")
weights = plane.weights
del plane
assert np.allclose(weights, 1.0 / 20)  # the domain lives as long as a view of it

# Transforms: a round trip, batches, the adjoint identity.
harmonics = manifill.SphericalHarmonics(manifill.RingGrid.gauss_legendre(32, 64), 31)
c = random.normal(size=(3, 2, harmonics.coefficients))
f = harmonics.synthesis(c)
assert f.shape == (3, 2, harmonics.points)
assert np.abs(harmonics.analysis(f) - c).max() < 1e-12
g = random.normal(size=harmonics.points)
assert abs(harmonics.synthesis(c[0, 0]) @ g - c[0, 0] @ harmonics.synthesis_adj(g)) < 1e-11
assert manifill.coefficient_index(31, 0, 0) == 0 and len(manifill.coefficient_degrees(31)) == harmonics.coefficients
refused(manifill.UsageError, lambda: harmonics.synthesis(g[:5]), "last axis")

# Laplacians: scipy sees the same matrix, eigenvalues of the sphere (radius 6371 km).
import scipy.sparse  # noqa: E402
from scipy.spatial import distance  # noqa: E402

laplacian = manifill.Laplacian(manifill.Domain.healpix(16))
stiffness = scipy.sparse.csr_matrix(laplacian.stiffness, shape=(laplacian.size, laplacian.size))
assert not laplacian.mass.flags.owndata
assert abs(stiffness - stiffness.T).max() < 1e-12 and np.abs(stiffness.sum(axis=1)).max() < 1e-9
values, vectors = laplacian.spectrum(9)
degrees = values * 6371.0088**2
assert np.allclose(degrees[1:4], 2.0, rtol=0.02) and np.allclose(degrees[4:9], 6.0, rtol=0.03), degrees
assert np.allclose(vectors * laplacian.mass @ vectors.T, np.eye(9), atol=1e-8)

# A model fills what the program fills, number by number.
model = manifill.Model(model_path)
assert model.name and model.has_flow and model.domain.size == model.climatology(0.2).size
assert "flow" in manifill.methods() and "optimal interpolation" in manifill.method_summary("gaussian")
draws = model.sample(4, season=0.5)
assert draws.shape == (4, model.domain.size) and np.isfinite(draws).all()
assert np.array_equal(draws, model.sample(4, season=0.5))
gappy = demo / "wind_gappy.nc"
with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder) / "out.nc"
    subprocess.run(
        [os.environ["MANIFILL"], "impute", "--model", model_path, "--input", gappy, "--output", out, "--members", "4",
         "--write-members", "--quiet"],
        check=True,
    )
    with netCDF4.Dataset(out) as filled:
        name = model.variable
        members = np.asarray(filled.variables[name + "_member"][:].filled(np.nan))
    field = xarray.open_dataset(gappy)[name]
    if field.ndim == 3:
        ensemble = model.fill(field, members=4)
        assert ensemble.members.dims == ("time", "realization") + field.dims[1:]
        ours = np.moveaxis(ensemble.members.values, 1, 0)
    else:
        ensemble = model.fill(field, members=4)
        ours = ensemble.members.values
    gaps = np.isnan(field.values)
    assert gaps.any()
    scale = np.nanstd(field.values)
    # The program rounds members to single precision.
    assert np.nanmax(np.abs(ours - members)[:, gaps]) < 1e-4 * scale, np.nanmax(np.abs(ours - members)[:, gaps]) / scale
    seen = ~gaps
    assert (ensemble.mean.values[seen] == field.values.astype(np.float64)[seen]).all()
    assert (ensemble.spread.values[seen] == 0.0).all() and (ensemble.spread.values[gaps] > 0.0).all()
    assert ensemble.chi_square.shape == ((field.shape[0],) if field.ndim == 3 else (1,))
refused(manifill.UsageError, lambda: model.fill(np.zeros(7)), "a field of 7 places")
refused(manifill.UsageError, lambda: model.fill(field, method="flwo"), "Did you mean 'flow'")
refused(manifill.InputError, lambda: manifill.Model(gappy), str(gappy))

# Scores against formulas written out here.
truth = random.normal(size=(2, 6))
truth[1, 2] = np.nan
forecast = random.normal(size=(2, 5, 6))
s = manifill.scores(forecast, truth)
known = ~np.isnan(truth)
spread = np.abs(forecast[:, :, None, :] - forecast[:, None, :, :]).sum(axis=(1, 2)) / (5 * 4)
crps = np.abs(forecast - truth[:, None, :]).mean(axis=1) - 0.5 * spread
assert abs(s["crps"] - crps[known].mean()) < 1e-12
assert abs(s["rmse"] - np.sqrt(((forecast.mean(axis=1) - truth)[known] ** 2).mean())) < 1e-12
refused(manifill.UsageError, lambda: manifill.scores(forecast, truth[:, :3]), "do not fit together")

# Discrepancy by SciPy's distances: the kernel's width is the truths' median one, in the weights' norm, and no pair is compared.
x, y, w = random.normal(size=(7, 5)), random.normal(size=(7, 5)) + 0.5, np.array([1.0, 2.0, 0.0, 1.0, 0.5])
root = np.sqrt(w / w.sum())
width = np.median(distance.pdist(y * root))
k = [np.exp(-distance.cdist(a * root, b * root) ** 2 / (2 * width**2)) for a, b in ((x, x), (y, y), (x, y))]
apart = [v.sum() - np.trace(v) for v in k]
assert abs(manifill.squared_mmd(x, y, w) - (apart[0] + apart[1] - 2 * apart[2]) / (7 * 6)) < 1e-12
assert np.isnan(manifill.squared_mmd(x[:1], y[:1]))
refused(manifill.UsageError, lambda: manifill.squared_mmd(x, y[:3]), "do not fit together")
refused(manifill.UsageError, lambda: manifill.squared_mmd(x, y, np.zeros(5)), "all zero")
print("ok")
